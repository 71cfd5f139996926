//! How a program's values become bytes, and bytes values again.
//!
//! A [`Codec`] is chosen once, where a pattern or a near cache is made. [`Raw`] keeps text and bytes as they
//! are; `Json` (feature `json`) is readable by every language and by eye; `Postcard` (feature `postcard`)
//! is small and fast, and read by programs that know the same type.
//!
//! Bytes that cannot be decoded (another program's, or an older version's of this one) are a
//! [`CodecError`], never a panic. The patterns take them for a miss, count them, and replace them.

use std::error::Error as StdError;
use std::fmt;

/// Makes bytes of values, and values of bytes.
///
/// What is decoded from the bytes of a value must be that value again.
pub trait Codec<V>: Send + Sync + 'static {
    /// The bytes of a value.
    ///
    /// # Errors
    /// The value has no such form (a map whose keys are no strings, in JSON, for instance).
    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError>;

    /// The value of some bytes.
    ///
    /// # Errors
    /// The bytes are no value's.
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError>;
}

/// A value that could not be made into bytes, or bytes that could not be made into a value.
#[derive(Debug)]
pub struct CodecError {
    step: Step,
    source: Box<dyn StdError + Send + Sync>,
}

/// Which way it should have gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Encode,
    Decode,
}

impl CodecError {
    /// A value that could not be made into bytes.
    pub fn encoding(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { step: Step::Encode, source: source.into() }
    }

    /// Bytes that could not be made into a value.
    pub fn decoding(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { step: Step::Decode, source: source.into() }
    }

    /// Whether it is the bytes that are wrong, not the value.
    pub fn is_decoding(&self) -> bool {
        self.step == Step::Decode
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Step::Encode => write!(f, "the value cannot be encoded: {}", self.source),
            Step::Decode => write!(f, "the bytes cannot be decoded: {}", self.source),
        }
    }
}

impl StdError for CodecError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Text and bytes as they are: `String` and `Vec<u8>`.
///
/// ```
/// use scrubjay_client::codec::{Codec, Raw};
///
/// let bytes = Raw.encode(&"hello".to_owned())?;
/// assert_eq!(bytes, b"hello");
/// let text: Result<String, _> = Raw.decode(b"\xff");
/// assert!(text.is_err_and(|error| error.is_decoding()));
/// # Ok::<_, scrubjay_client::codec::CodecError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Raw;

impl Codec<Vec<u8>> for Raw {
    fn encode(&self, value: &Vec<u8>) -> Result<Vec<u8>, CodecError> {
        Ok(value.clone())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }
}

impl Codec<String> for Raw {
    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Ok(value.clone().into_bytes())
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        String::from_utf8(bytes.to_vec()).map_err(CodecError::decoding)
    }
}

/// JSON, by serde.
#[cfg(feature = "json")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

#[cfg(feature = "json")]
impl<V: serde::Serialize + serde::de::DeserializeOwned> Codec<V> for Json {
    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(CodecError::encoding)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::decoding)
    }
}

/// Postcard's compact binary form, by serde. It does not describe itself: whoever reads it must know the same
/// type, so a field that is added or removed makes old bytes undecodable, or worse, decodable as something
/// else. Give the keys of a changed type another prefix.
#[cfg(feature = "postcard")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Postcard;

#[cfg(feature = "postcard")]
impl<V: serde::Serialize + serde::de::DeserializeOwned> Codec<V> for Postcard {
    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        postcard::to_stdvec(value).map_err(CodecError::encoding)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        // All of the bytes, or they are another type's that happens to begin like this one.
        match postcard::take_from_bytes(bytes).map_err(CodecError::decoding)? {
            (value, []) => Ok(value),
            (_, rest) => Err(CodecError::decoding(format!("{} bytes are left over", rest.len()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<V: PartialEq + fmt::Debug>(codec: &impl Codec<V>, value: &V) -> Vec<u8> {
        let bytes = codec.encode(value).expect("it has a form");
        assert_eq!(&codec.decode(&bytes).expect("its own bytes"), value);
        bytes
    }

    #[test]
    fn raw_keeps_text_and_bytes() {
        assert_eq!(round(&Raw, &"grüße".to_owned()), "grüße".as_bytes());
        assert_eq!(round(&Raw, &vec![0_u8, 255]), [0, 255]);
        let error = Codec::<String>::decode(&Raw, b"\xff").expect_err("no text");
        assert!(error.is_decoding() && error.source().is_some());
        assert!(error.to_string().starts_with("the bytes cannot be decoded: "), "{error}");
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_is_text() {
        assert_eq!(round(&Json, &(1, Some("a".to_owned()))), br#"[1,"a"]"#);
        assert!(Codec::<u8>::decode(&Json, b"256").expect_err("too large").is_decoding());
        assert!(Codec::<u8>::decode(&Json, b"1 2").is_err(), "something is left over");
        let no_text_key = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(!Json.encode(&no_text_key).expect_err("a key must be text").is_decoding());
    }

    #[cfg(feature = "postcard")]
    #[test]
    fn postcard_is_small_and_exact() {
        assert_eq!(round(&Postcard, &(1_u32, Some("a".to_owned()))), [1, 1, 1, b'a']);
        assert!(Codec::<u8>::decode(&Postcard, b"").expect_err("nothing").is_decoding());
        let error = Codec::<u8>::decode(&Postcard, b"12").expect_err("one byte too many");
        assert!(error.to_string().contains("1 bytes are left over"), "{error}");
    }
}
