//! Libraries of functions, each as its code: what `FUNCTION DUMP` writes and `FUNCTION RESTORE` reads.

use super::read::Reader;
use super::{Corrupt, FOOTER_BYTES, Payload, sealed};

/// What stands in front of a library's code.
const LIBRARY: u8 = 0xF5;

/// The libraries of this code as a payload, compressed where that is worth it or not.
pub fn libraries_payload<'a>(codes: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    sealed(compress, |out| {
        for code in codes {
            out.byte(LIBRARY);
            out.string(code);
        }
    })
}

/// Why a payload has no libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotLibraries {
    /// It holds something else.
    Other,
    /// What it holds does not fit together.
    Corrupt,
}

impl From<Corrupt> for NotLibraries {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl Payload<'_> {
    /// The code of each library.
    ///
    /// # Errors
    /// If there is anything else in it.
    pub fn libraries(self) -> Result<Vec<Vec<u8>>, NotLibraries> {
        let reader = &mut Reader::new(&self.bytes[..self.bytes.len() - FOOTER_BYTES]);
        let mut codes = Vec::new();
        while !reader.is_empty() {
            if reader.byte()? != LIBRARY {
                return Err(NotLibraries::Other);
            }
            codes.push(reader.string()?.to_vec());
        }
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Trust;

    #[test]
    fn libraries_are_written_as_valkey_writes_them() {
        let code: &[u8] = b"#!lua name=a\nredis.register_function(\"f\", function() return 1 end)";
        let whole = [b"\xf5\x40\x42", code, b"P\x00\xba\x15\x9b*\xa8:\xaa$"].concat();
        assert_eq!(libraries_payload([code].into_iter(), true), whole);
        let none = b"P\x00\x92\xb1\x95\xd1\x91-\xc5.";
        assert_eq!(libraries_payload([].into_iter(), true), none);
        let open = |bytes| Payload::open(bytes, Trust::default()).expect("its footer is right").libraries();
        assert_eq!(open(&whole), Ok(vec![code.to_vec()]));
        assert_eq!(open(none), Ok(vec![]));
    }

    #[test]
    fn anything_else_is_refused() {
        let libraries = |bytes: &[u8]| {
            let payload = sealed(false, |out| out.raw(bytes));
            Payload::open(&payload, Trust::default()).expect("its footer is right").libraries()
        };
        assert_eq!(libraries(b"\x00\x01a"), Err(NotLibraries::Other));
        assert_eq!(libraries(b"\xf5\x05abc"), Err(NotLibraries::Corrupt));
        assert_eq!(libraries(b"\xf5\x01a\xf5"), Err(NotLibraries::Corrupt));
    }
}
