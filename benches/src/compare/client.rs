//! A blocking connection for the questions around a measurement: PING, DBSIZE, INFO.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::template;

/// A server that does not answer within this is counted as hung.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// One connection, one request at a time.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects without delaying small writes.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self { stream: BufReader::new(connect(address)?) })
    }

    /// Sends one command and returns its reply as text; lists are not expected here.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<String> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.reply().with_context(|| format!("asking {}", words.join(" ")))
    }

    /// The number that `words` answers.
    pub(crate) fn ask_number(&mut self, words: &[&str]) -> Result<u64> {
        let reply = self.ask(words)?;
        reply.parse().with_context(|| format!("{} must answer a number, not {reply:?}", words.join(" ")))
    }

    /// One field of an INFO section.
    pub(crate) fn info(&mut self, section: &str, field: &str) -> Result<String> {
        let info = self.ask(&["INFO", section])?;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO {section} has no {field}"))?.trim().to_owned())
    }

    fn reply(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let line = line.strip_suffix("\r\n").context("the server closed the connection")?;
        match line.split_at_checked(1).context("an empty reply line")? {
            ("+" | ":", rest) => Ok(rest.to_owned()),
            ("-", rest) => bail!("error reply: {rest}"),
            ("$", rest) => {
                let length: usize = rest.parse().context("a nil or malformed reply")?;
                let mut bytes = vec![0; length + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(String::from_utf8(bytes)?)
            }
            _ => bail!("an unexpected reply: {line}"),
        }
    }
}

/// A blocking stream that waits at most [`ANSWER_MAX`] for an answer.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.set_write_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

/// The same, once what a template has a connection send first has been answered.
pub(crate) fn connect_as(template: &str, address: SocketAddr) -> Result<TcpStream> {
    let stream = connect(address)?;
    let Some(first) = template::parts(template).0 else { return Ok(stream) };
    let mut client = Client { stream: BufReader::new(stream) };
    client.ask(&first.split(' ').collect::<Vec<_>>())?;
    Ok(client.stream.into_inner())
}

/// Sends `request` and reads until `answered` is content with what has come.
pub(crate) fn exchange(
    stream: &mut TcpStream,
    request: &[u8],
    buffer: &mut [u8],
    mut answered: impl FnMut(&[u8]) -> Result<bool>,
) -> Result<()> {
    stream.write_all(request)?;
    loop {
        let count = stream.read(buffer).context("waiting for replies")?;
        ensure!(count > 0, "the server closed the connection");
        if answered(&buffer[..count])? {
            return Ok(());
        }
    }
}
