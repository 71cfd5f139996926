//! A message as it goes over the wire, made once for all who get it.

use bytes::Bytes;

use crate::resp::reply::SPLICE_BYTES_MIN;
use crate::resp::{Output, Protocol, Reply};

/// Encoded bytes that many clients share.
#[derive(Debug, Clone)]
pub struct Message {
    form: Form,
    bytes: Bytes,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// An array in RESP2 and a push in RESP3. Only the first byte differs, and it is left out.
    Push,
    /// The same in both.
    Same,
    /// What a client is to forget: in RESP3 a push of its own name, in RESP2 a message on a channel of its
    /// own, for whoever it is redirected to.
    Invalidation { redirected: bool },
    /// A push in RESP3, for who tracks.
    Warning,
    /// Nothing: a reply that another thread has written stands here.
    Place,
}

/// What of a client decides whether it gets a message.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether it is subscribed to anything.
    pub subscribes: bool,
    /// Whether it tracks.
    pub tracks: bool,
}

impl Message {
    /// A push of these bulk strings.
    pub fn push(parts: &[&[u8]]) -> Self {
        let mut reply = Reply::new(Protocol::Resp3);
        reply.push(parts.len());
        parts.iter().for_each(|part| reply.bulk(part));
        Self { form: Form::Push, bytes: Bytes::from(reply.into_vec()).slice(1..) }
    }

    /// Bytes that mean the same in both protocols.
    pub fn same(encoded: Vec<u8>) -> Self {
        Self { form: Form::Same, bytes: encoded.into() }
    }

    /// What a client that tracks is to forget: encoded keys, or nothing for everything. It is `redirected` if
    /// the client has named another to get it.
    pub fn invalidation(encoded: &[u8], redirected: bool) -> Self {
        Self { form: Form::Invalidation { redirected }, bytes: Bytes::copy_from_slice(encoded) }
    }

    /// Tells a client that tracks that whom it has named to get its messages is not there any more.
    pub fn redirect_is_broken(client: u64) -> Self {
        let mut reply = Reply::new(Protocol::Resp3);
        reply.push(2);
        reply.bulk("tracking-redir-broken");
        reply.integer(client.cast_signed());
        Self { form: Form::Warning, bytes: reply.into_vec().into() }
    }

    /// No message, but the place of a reply that is not there yet: what comes before it goes in front of the
    /// reply, and what comes after it behind.
    pub fn place_of_reply() -> Self {
        Self { form: Form::Place, bytes: Bytes::new() }
    }

    /// Whether it is the [place of a reply](Self::place_of_reply).
    #[inline]
    pub fn is_place(&self) -> bool {
        matches!(self.form, Form::Place)
    }

    /// Whether a client is to get it that is as `reader` says now.
    #[inline]
    pub fn is_for(&self, reader: impl FnOnce() -> Reader) -> bool {
        match self.form {
            Form::Push | Form::Same | Form::Place => true,
            Form::Invalidation { redirected } => {
                let Reader { protocol, subscribes, tracks } = reader();
                match protocol {
                    Protocol::Resp2 => redirected && subscribes,
                    Protocol::Resp3 => redirected || tracks,
                }
            }
            Form::Warning => {
                let reader = reader();
                reader.protocol == Protocol::Resp3 && reader.tracks
            }
        }
    }

    /// What it holds in memory, about.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    /// Appends it to what goes to a client.
    #[inline]
    pub fn write(&self, output: &mut Output, protocol: Protocol) {
        match (self.form, protocol) {
            (Form::Push, Protocol::Resp2) => output.extend(b"*"),
            (Form::Push, Protocol::Resp3) => output.extend(b">"),
            (Form::Same | Form::Warning | Form::Place, _) => {}
            (Form::Invalidation { .. }, Protocol::Resp2) => {
                output.extend(b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n");
            }
            (Form::Invalidation { .. }, Protocol::Resp3) => output.extend(b">2\r\n$10\r\ninvalidate\r\n"),
        }
        if self.bytes.len() < SPLICE_BYTES_MIN {
            output.extend(&self.bytes);
        } else {
            output.extend_shared(self.bytes.clone());
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn written(message: &Message, protocol: Protocol) -> Vec<u8> {
        let mut output = Output::new();
        message.write(&mut output, protocol);
        output.chunk().to_vec()
    }

    #[test]
    fn one_buffer_serves_both_protocols() {
        let message = Message::push(&[b"message", b"news", b""]);
        let body = "3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$0\r\n\r\n";
        assert_eq!(written(&message, Protocol::Resp2), format!("*{body}").into_bytes());
        assert_eq!(written(&message, Protocol::Resp3), format!(">{body}").into_bytes());
        let line = Message::same(b"+line\r\n".to_vec());
        assert_eq!(written(&line, Protocol::Resp2), b"+line\r\n");
        assert_eq!(written(&line, Protocol::Resp3), b"+line\r\n");
    }
}
