//! What the parser hears, whole and in crumbs, and the table of errors recorded from the live server.

use proptest::prelude::*;

use super::*;

/// What a stream of bytes comes to: each request's arguments, then the error text if one ended it, then
/// how many bytes are left over as a beginning.
#[derive(Debug, PartialEq, Default)]
struct Heard {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<Vec<u8>>,
    left: usize,
}

/// Feeds `pieces` one after the other, as reads from a socket would bring them.
fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Heard {
    let mut heard = Heard::default();
    let (mut parser, mut args, mut buf) = (RequestParser::new(), ArgList::new(), Vec::new());
    'pieces: for piece in pieces {
        buf.extend_from_slice(piece);
        // Meanwhile the list serves another connection.
        let other =
            RequestParser::new().parse(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", &Limits::default(), &mut args);
        assert!(matches!(other, Outcome::Complete { .. }));
        loop {
            match parser.parse(&buf, limits, &mut args) {
                Outcome::Complete { consumed } => {
                    heard.requests.push(args.view(&buf).iter().map(<[u8]>::to_vec).collect());
                    buf.drain(..consumed);
                }
                Outcome::Empty { consumed } => {
                    assert!(consumed > 0, "an empty request takes its bytes");
                    buf.drain(..consumed);
                }
                Outcome::Incomplete { needed } => {
                    assert!(needed > 0, "the parser asks for more or is done");
                    break;
                }
                Outcome::Error(error) => {
                    let again = parser.parse(&buf, limits, &mut args);
                    assert_eq!(again, Outcome::Error(error), "an error stays");
                    heard.error = Some(error.text().into_owned());
                    break 'pieces;
                }
            }
        }
    }
    heard.left = buf.len();
    heard
}

fn whole(bytes: &[u8]) -> Heard {
    feed([bytes], &Limits::default())
}

fn bytewise(bytes: &[u8]) -> Heard {
    feed(bytes.chunks(1), &Limits::default())
}

/// `bytes` are the requests written on the right, one by one, and nothing is left; also when they come in
/// crumbs.
#[track_caller]
fn hears(bytes: &[u8], requests: &[&[&[u8]]]) {
    let wanted: Vec<Vec<Vec<u8>>> =
        requests.iter().map(|request| request.iter().map(|arg| arg.to_vec()).collect()).collect();
    let wanted = Heard { requests: wanted, error: None, left: 0 };
    assert_eq!(whole(bytes), wanted);
    assert_eq!(bytewise(bytes), wanted);
}

/// `bytes` end in this error, also when they come in crumbs.
#[track_caller]
fn refuses(bytes: &[u8], text: &[u8]) {
    let text = [b"Protocol error: ", text].concat();
    assert_eq!(whole(bytes).error, Some(text.clone()));
    assert_eq!(bytewise(bytes).error, Some(text));
}

/// `bytes` are not answered: their request is not over.
#[track_caller]
fn waits(bytes: &[u8]) {
    let wanted = Heard { requests: vec![], error: None, left: bytes.len() };
    assert_eq!(whole(bytes), wanted);
}

// Everything in these tests was recorded from Valkey 9.1.2, sent over a bare socket.

#[test]
fn arrays() {
    hears(b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]);
    hears(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&[b"ECHO", b""]]);
    hears(b"*1\r\n$0\r\n\r\n", &[&[b""]]);
    hears(b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0$\r\n", &[&[b"ECHO", b"\r\n\0$"]]);
    hears(b"*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"], &[b"PING"], &[b"PING"]]);
}

#[test]
fn empty_requests_are_passed_over() {
    for empty in [
        "\r\n",
        "\n",
        " \t\x0b\x0c\r\n",
        "\r\r\n",
        "*0\r\n",
        "*-1\r\n",
        "*-10\r\n",
        "*-9223372036854775808\r\n",
    ] {
        hears([empty, "PING\r\n"].concat().as_bytes(), &[&[b"PING"]]);
        hears(empty.as_bytes(), &[]);
    }
}

#[test]
fn bad_counts() {
    for count in
        ["", "+1", "01", "1 ", " 1", "-0", "00", "1\0", "2147483648", "99999999999999999999", "a", "-"]
    {
        refuses(format!("*{count}\r\n").as_bytes(), b"invalid multibulk length");
    }
    for count in ["2147483647", "1073741824", "1048577"] {
        waits(format!("*{count}\r\n").as_bytes());
    }
}

#[test]
fn bad_lengths() {
    for length in ["", "-1", "+4", "04", "a", "4\0", "536870913", "99999999999999999999999"] {
        refuses(format!("*1\r\n${length}\r\n").as_bytes(), b"invalid bulk length");
    }
    waits(b"*1\r\n$536870912\r\n");
    refuses(b"*2\r\n$4\r\nPING\r\n$a\r\n", b"invalid bulk length");
}

#[test]
fn a_byte_that_is_no_dollar() {
    refuses(b"*1\r\nx4\r\n", b"expected '$', got 'x'");
    refuses(b"*1\r\n\r\n", b"expected '$', got '\r'");
    refuses(b"*1\r\n\n\r\n", b"expected '$', got '\n'");
    refuses(b"*1\r\n\0\r\n", b"expected '$', got '\0'");
    refuses(b"*1\r\n\xff\r\n", b"expected '$', got '\xff'");
    refuses(b"*1\r\nx\rX", b"expected '$', got 'x'");
    waits(b"*1\r\nx");
    waits(b"*1\r\nx\r");
}

#[test]
fn line_ends_of_arrays_are_checked() {
    for bytes in [
        "*a\rX",
        "*0\rX",
        "*-1\rX",
        "*2147483648\rX",
        "*0\r*1\r\n",
        "*1\r\r\n$4\r\nPING\r\n",
        "*1\r\n$a\rX",
        "*1\r\n$4\rXPING",
        "*1\r\n$99999999999\rX",
        "*1\r\n$4\r\nPINGxy",
        "*1\r\n$4\r\nPING\n\r",
        "*1\r\n$4\r\nPING\rx",
    ] {
        refuses(bytes.as_bytes(), b"invalid CRLF in request");
    }
    waits(b"*1\n$4\nPING\n");
    waits(b"*1\r\n$4\r\nPINGx");
    waits(b"*1\r\n$4\r\nPING\r");
}

#[test]
fn requests_before_an_error_count() {
    let heard = whole(b"PING\r\n*1\r\n$4\r\nPING\r\n*a\r\nPING\r\n");
    assert_eq!(heard.requests.len(), 2);
    assert_eq!(heard.error.as_deref(), Some(&b"Protocol error: invalid multibulk length"[..]));
}

#[test]
fn lines_of_64_kib() {
    let long = |start: &str, fill: u8, count: usize| [start.as_bytes(), &vec![fill; count]].concat();
    let error = |bytes: Vec<u8>| whole(&bytes).error.map(|text| String::from_utf8(text).expect("plain text"));
    let too_big = |what: &str| Some(format!("Protocol error: too big {what}"));
    assert_eq!(error(long("", b'a', 65536)), None);
    assert_eq!(error(long("", b'a', 65537)), too_big("inline request"));
    assert_eq!(error(long("a\0\n", b'a', 65533)), None);
    assert_eq!(error(long("a\0\n", b'a', 65534)), too_big("inline request"));
    assert_eq!(error(long("*", b'1', 65535)), None);
    assert_eq!(error(long("*", b'1', 65536)), too_big("mbulk count string"));
    assert_eq!(error(long("*1\0", b'x', 65534)), too_big("mbulk count string"));
    assert_eq!(error(long("*1\r\n$", b'1', 65535)), None);
    assert_eq!(error(long("*1\r\n$", b'1', 65536)), too_big("bulk count string"));
    assert_eq!(error(long("*1\r\n", b'x', 65536)), None);
    assert_eq!(error(long("*1\r\n", b'\0', 65537)), too_big("bulk count string"));
    // A longer line whose end is already here is read as any other.
    let line = [long("ECHO ", b'a', 70000), b"\n".to_vec()].concat();
    assert_eq!(whole(&line).requests[0][1].len(), 70000);
    let count = [long("*", b'1', 65537), b"\r\n".to_vec()].concat();
    assert_eq!(error(count).as_deref(), Some("Protocol error: invalid multibulk length"));
}

#[test]
fn before_authentication() {
    let limits = Limits { authenticated: false, ..Limits::default() };
    let error =
        |bytes: &[u8]| feed([bytes], &limits).error.map(|text| String::from_utf8(text).expect("plain text"));
    assert_eq!(error(b"*10\r\n$16384\r\n"), None);
    assert_eq!(error(b"*11\r\n").as_deref(), Some("Protocol error: unauthenticated multibulk length"));
    assert_eq!(error(b"*1\r\n$16385\r\n").as_deref(), Some("Protocol error: unauthenticated bulk length"));
    // The general rules come first.
    assert_eq!(error(b"*11\rX").as_deref(), Some("Protocol error: invalid CRLF in request"));
    assert_eq!(error(b"*1\r\n$16385\rX").as_deref(), Some("Protocol error: invalid CRLF in request"));
    assert_eq!(error(b"*2147483648\r\n").as_deref(), Some("Protocol error: invalid multibulk length"));
    assert_eq!(error(b"*1\r\n$99999999999\r\n").as_deref(), Some("Protocol error: invalid bulk length"));
    // Inline requests are bounded by their line alone.
    assert_eq!(feed([&b"PING 1 2 3 4 5 6 7 8 9 10 11 12\r\n"[..]], &limits).requests[0].len(), 13);
}

#[test]
fn limits_are_asked_at_each_request() {
    let limits = Limits { authenticated: false, ..Limits::default() };
    let buf = b"*11\r\n$1\r\na\r\n";
    let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
    let refused = Outcome::Error(ProtocolError::UnauthenticatedCount);
    assert_eq!(parser.parse(buf, &limits, &mut args), refused);
    assert_eq!(parser.parse(buf, &Limits::default(), &mut args), Outcome::Incomplete { needed: 1 });
    let small = Limits { bulk_bytes_max: 5, authenticated: true };
    assert_eq!(
        feed([&b"*1\r\n$5\r\nhello\r\n*1\r\n$6\r\n"[..]], &small).error.as_deref(),
        Some(&b"Protocol error: invalid bulk length"[..])
    );
}

#[test]
fn inline_requests() {
    hears(b"PING\r\n", &[&[b"PING"]]);
    hears(b"PING\n", &[&[b"PING"]]);
    hears(b"PI\rNG\r\n", &[&[b"PI", b"NG"]]);
    hears(b"PING \r\r\n", &[&[b"PING"]]);
    hears(b"\rPING\r\n", &[&[b"PING"]]);
    hears(b"\x0b\x0cPING\n", &[&[b"PING"]]);
    hears(b"ECHO a\x0bb\n", &[&[b"ECHO", b"a\x0bb"]]);
    hears(b"ECHO a\x0b\n", &[&[b"ECHO", b"a\x0b"]]);
    hears(b"\"\" a\r\n", &[&[b"", b"a"]]);
    waits(b"PING\r");
    waits(b"ECHO a\0b\r\nPING\r\n");
    waits(b"\0PING\r\n");
}

#[test]
fn inline_requests_count_as_valkey_counts_them() {
    let counted = |request: &[u8]| {
        let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
        match parser.parse(request, &Limits::default(), &mut args) {
            Outcome::Complete { consumed } => args.counted_bytes(consumed),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(counted(b"PING\r\n"), 6);
    assert_eq!(counted(b"  GET   k\n"), 7);
    assert_eq!(counted(b"SET k \"1\\x412\"\r\n"), 11);
    assert_eq!(counted(b"*1\r\n$4\r\nPING\r\n"), 14);
}

#[test]
fn inline_quotes() {
    let cases: &[(&[u8], &[u8])] = &[
        (br#""a\x41\n\r\t\b\a\q\"\\""#, b"aA\n\r\t\x08\x07q\"\\"),
        (br#"'a\'b\n"x'"#, br#"a'b\n"x"#),
        (br#""a"b"#, b"ab"),
        (br#"a"b c""#, b"ab c"),
        (b"a'b c'", b"ab c"),
        (b"'a'b", b"ab"),
        (br#""""#, b""),
        (br#""\x4""#, b"x4"),
        (br#""\xZZ""#, b"xZZ"),
        (br#""\xfF\xAb""#, b"\xff\xab"),
        (br"a\n", br"a\n"),
        // A backslash before the closing quote at the end of the line stands for itself.
        (br#""a\""#, br"a\"),
        (br"'a\'", br"a\"),
        (br#"\"a b\""#, br"\a b\"),
        (br#""\"""#, br#"""#),
        // The byte 0xFF is lost unless it is written as an escape.
        (b"\"a\xffb\"", b"ab"),
        (b"a\xff'\xff'", b"a"),
        (b"\"\\\xff\"", b""),
        (b"a\xfe\x80", b"a\xfe\x80"),
    ];
    for (line, argument) in cases {
        hears(&[b"ECHO ", *line, b"\r\n"].concat(), &[&[b"ECHO", argument]]);
    }
    for line in [&br#""a"#[..], b"'a", br#""a\"#, br#"" a\\\"#, b"\"a'", br#""\" "#] {
        refuses(&[b"ECHO ", line, b"\r\n"].concat(), b"unbalanced quotes in request");
    }
    refuses(b"\"a\nPING\n", b"unbalanced quotes in request");
}

#[test]
fn promises_do_not_take_memory() {
    let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
    let mut buf = b"*2147483647\r\n$536870912\r\nabc".to_vec();
    let missing = 536870912 + 2 - 3;
    assert_eq!(parser.parse(&buf, &Limits::default(), &mut args), Outcome::Incomplete { needed: missing });
    assert_eq!(args.memory_bytes(), 0);
    // A list grows with what came, and a large one is given back with the next request.
    parser = RequestParser::new();
    buf = [b"*5000\r\n".to_vec(), b"$1\r\na\r\n".repeat(5000)].concat();
    assert_eq!(parser.parse(&buf, &Limits::default(), &mut args), Outcome::Complete { consumed: buf.len() });
    assert_eq!(args.len(), 5000);
    assert_eq!(parser.parse(b"*1", &Limits::default(), &mut args), Outcome::Incomplete { needed: 1 });
    assert_eq!(args.memory_bytes(), 0);
}

#[test]
fn the_missing_bytes_of_an_argument_are_told() {
    let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
    let mut buf = b"*2\r\n$4\r\nECHO\r\n$10\r\n0123".to_vec();
    assert_eq!(parser.parse(&buf, &Limits::default(), &mut args), Outcome::Incomplete { needed: 8 });
    assert!(!parser.is_idle());
    assert!(parser.memory_bytes() > 0);
    buf.extend_from_slice(b"456789\r\n");
    assert_eq!(parser.parse(&buf, &Limits::default(), &mut args), Outcome::Complete { consumed: buf.len() });
    assert!(parser.is_idle());
    assert_eq!(parser.memory_bytes(), 0);
    let view = args.view(&buf);
    assert_eq!(&view[1], b"0123456789");
    assert_eq!(view.get(2), None);
    assert_eq!(view.skip(1).len(), 1);
    assert!(view.skip(3).is_empty());
    assert_eq!(view.take(1).iter().collect::<Vec<_>>(), [b"ECHO"]);
}

/// Requests and fragments of requests, strung together.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..12).prop_map(|args| {
            let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
            for arg in args {
                bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                bytes.extend_from_slice(&arg);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes
        }),
        "(PING|\"a b\"|'c'|\\\\| |\"|\r|\\*|[$0-9a-z])*\r?\n".prop_map(String::into_bytes),
        Just(b"*0\r\n".to_vec()),
        Just(b"*1\r\n$3\r\n".to_vec()),
        "[*$]-?[0-9]{0,4}\r?\n?".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn pieces_are_heard_as_the_whole(
        bytes in stream(),
        cuts in proptest::collection::vec(0usize..400, 0..12),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        let wanted = whole(&bytes);
        let in_pieces = feed(pieces, &Limits::default());
        prop_assert_eq!(&in_pieces.requests, &wanted.requests);
        prop_assert_eq!(&in_pieces.error, &wanted.error);
        let crumbs = bytewise(&bytes);
        prop_assert_eq!(&crumbs.requests, &wanted.requests);
        prop_assert_eq!(&crumbs.error, &wanted.error);
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), authenticated: bool) {
        feed(bytes.chunks(7), &Limits { authenticated, ..Limits::default() });
    }
}
