//! DEBUG PROTOCOL: one reply of each type, for clients to test their parsers with.

use crate::command::Ctx;
use crate::error::Error;
use crate::resp::Protocol;

pub(super) fn protocol(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let name = ctx.args.at(2).to_ascii_lowercase();
    let reply = &mut *ctx.reply;
    match name.as_slice() {
        b"string" => reply.bulk("Hello World"),
        b"integer" => reply.integer(12345),
        #[expect(clippy::approx_constant, reason = "the figure that Valkey sends")]
        b"double" => reply.double(3.141),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.integer(n);
                reply.boolean(n == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk("key-popularity");
                reply.array(2);
                reply.bulk("key:123");
                reply.integer(90);
            }
            reply.bulk("Some real reply following the attribute");
        }
        b"push" => {
            if reply.protocol() == Protocol::Resp2 {
                return Err(Error::Text("ERR RESP2 is not supported by this command"));
            }
            // The message comes after the reply, whatever the reply says.
            reply.bulk("Some real reply following the push reply");
            reply.push(2);
            reply.bulk("server-cpu-usage");
            reply.integer(42);
        }
        b"verbatim" => reply.verbatim(*b"txt", "This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            return Err(Error::Text(
                "ERR Wrong protocol type name. Please use one of the following: \
                    string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
