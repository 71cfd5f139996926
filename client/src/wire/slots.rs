//! Which slot a key lies in, and which node says that it owns which slots.

use redis::Value;

use super::life::Node;

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16384;

/// The slot of a key: of what stands between the first `{` and the next `}`, if that is not empty, or else of
/// the whole key.
pub fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|&byte| byte == b'}').filter(|&close| close > 0).map(|close| &rest[..close])
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key)) % SLOTS
}

/// Some slots, and the node that owns them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) node: Node,
}

/// What CLUSTER SLOTS says of the primaries. A node that does not know its own address is reached where it
/// was `asked`. None if the answer is not understood.
pub(crate) fn parse(reply: &Value, asked: &Node) -> Option<Vec<Owned>> {
    let Value::Array(ranges) = reply else { return None };
    ranges.iter().map(|range| owned(range, asked)).collect()
}

fn owned(range: &Value, asked: &Node) -> Option<Owned> {
    let Value::Array(range) = range else { return None };
    let [first, last, Value::Array(primary), ..] = &range[..] else { return None };
    let slot = |value: &Value| match value {
        Value::Int(slot) => u16::try_from(*slot).ok().filter(|&slot| slot < SLOTS),
        _ => None,
    };
    let [host, Value::Int(port), ..] = &primary[..] else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    let port = u16::try_from(*port).ok()?;
    Some(Owned { first: slot(first)?, last: slot(last)?, node: address(host, port, asked) })
}

/// The node at an address as a server gives it.
pub(crate) fn address(host: &str, port: u16, asked: &Node) -> Node {
    let asked_host = asked.address().rsplit_once(':').map_or(asked.address(), |(host, _)| host);
    let host = if host.is_empty() || host == "?" { asked_host } else { host };
    Node::new(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 12739);
        assert_eq!(slot_of(b"foo"), 12182);
        assert_eq!(slot_of(b"{foo}bar"), slot_of(b"foo"));
        assert_eq!(slot_of(b"a{foo}{bar}"), slot_of(b"foo"));
        assert_ne!(slot_of(b"{}foo"), slot_of(b"foo"));
        assert_ne!(slot_of(b"{foo"), slot_of(b"foo"));
        assert_eq!(slot_of(b""), 0);
    }

    #[test]
    fn primaries_are_read_and_replicas_left_out() {
        let node = |host: &[u8], port| {
            Value::Array(vec![
                Value::BulkString(host.to_vec()),
                Value::Int(port),
                Value::BulkString(b"id".to_vec()),
                Value::Array(vec![]),
            ])
        };
        let reply = Value::Array(vec![
            Value::Array(vec![Value::Int(0), Value::Int(99), node(b"10.0.0.1", 1), node(b"10.0.0.9", 9)]),
            Value::Array(vec![Value::Int(100), Value::Int(16383), node(b"", 2)]),
        ]);
        let asked = Node::new("h:7");
        assert_eq!(
            parse(&reply, &asked),
            Some(vec![
                Owned { first: 0, last: 99, node: Node::new("10.0.0.1:1") },
                Owned { first: 100, last: 16383, node: Node::new("h:2") },
            ])
        );
        assert_eq!(parse(&Value::Nil, &asked), None);
        let beyond = Value::Array(vec![Value::Int(0), Value::Int(16384), node(b"", 2)]);
        assert_eq!(parse(&Value::Array(vec![beyond]), &asked), None);
    }
}
