//! A client's stream, TCP or UNIX, as one type.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A client's stream, and how it is asked.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    by_hand: bool,
}

#[derive(Debug)]
enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A UNIX socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self { stream: Stream::Tcp(stream), by_hand: false }
    }

    #[cfg(unix)]
    pub(super) fn unix(stream: UnixStream) -> Self {
        Self { stream: Stream::Unix(stream), by_hand: false }
    }

    /// Asks the system at each call, and wakes nobody: while the runtime has to wait for a command, it does
    /// not hear of what comes. Whatever is read meanwhile it then finds not to be there, as after any read.
    pub(super) fn set_by_hand(&mut self, by_hand: bool) {
        self.by_hand = by_hand;
    }

    fn system(&self) -> SockRef<'_> {
        match &self.stream {
            Stream::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Stream::Unix(stream) => SockRef::from(stream),
        }
    }

    /// Reads into `buffer`; 0 at the end of the stream. A read that does not fill the buffer has emptied the
    /// socket, and tokio then waits for news instead of asking once more in vain.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.by_hand {
            return or_pending((&*self.system()).read(buffer));
        }
        let mut buffer = ReadBuf::new(buffer);
        ready!(match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads into the spare capacity of `buffer`; 0 at the end of the stream.
    pub(super) fn poll_read_more(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        if self.by_hand {
            let held = buffer.len();
            buffer.resize(buffer.capacity(), 0);
            let read = (&*self.system()).read(&mut buffer[held..]);
            buffer.truncate(held + *read.as_ref().unwrap_or(&0));
            return or_pending(read);
        }
        loop {
            ready!(match &self.stream {
                Stream::Tcp(stream) => stream.poll_read_ready(cx),
                #[cfg(unix)]
                Stream::Unix(stream) => stream.poll_read_ready(cx),
            })?;
            let read = match &self.stream {
                Stream::Tcp(stream) => stream.try_read_buf(buffer),
                #[cfg(unix)]
                Stream::Unix(stream) => stream.try_read_buf(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Writes what the socket takes of `slices`.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.by_hand {
            return or_pending((&*self.system()).write_vectored(slices));
        }
        match (&mut self.stream, slices) {
            (Stream::Tcp(stream), [one]) => Pin::new(stream).poll_write(cx, one),
            (Stream::Tcp(stream), many) => Pin::new(stream).poll_write_vectored(cx, many),
            #[cfg(unix)]
            (Stream::Unix(stream), [one]) => Pin::new(stream).poll_write(cx, one),
            #[cfg(unix)]
            (Stream::Unix(stream), many) => Pin::new(stream).poll_write_vectored(cx, many),
        }
    }

    /// Says that nothing more will be written; reading goes on.
    pub(super) fn poll_close_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

fn or_pending(done: io::Result<usize>) -> Poll<io::Result<usize>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}
