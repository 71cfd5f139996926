//! Two processes, each with a near cache: what one writes, the other sees, without asking for it.
//!
//! ```text
//! cargo run -p scrubjay-client --example two_processes
//! ```
//!
//! The program starts a server (or uses the one that REDIS_URL names) and itself a second time. The second
//! one reads a value again and again, out of its own memory, until the first one writes another; then it
//! writes an answer, and the first one, which has read it before, sees that.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use scrubjay_client::codec::Raw;
use scrubjay_client::near::{NearCache, Source};
use scrubjay_client::wire::Connector;
use scrubjay_server::TestServer;

type Outcome = Result<(), Box<dyn Error>>;

/// How long each waits for the other, before it is taken to be dead.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Outcome {
    match std::env::args().nth(1) {
        Some(url) => second(&url).await,
        None => first().await,
    }
}

async fn open(url: &str) -> Result<NearCache<String>, Box<dyn Error>> {
    Ok(NearCache::builder(Raw).connect(Connector::server(url)).await?)
}

/// Reads a key until it has a value that is not this one; how often it was answered from memory meanwhile.
async fn other_than(
    cache: &NearCache<String>,
    key: &str,
    old: Option<&str>,
) -> Result<(String, u64), Box<dyn Error>> {
    let mut local = 0;
    let changed = async {
        loop {
            let lookup = cache.lookup(key).await?;
            match lookup.value {
                Some(value) if Some(value.as_str()) != old => return Ok((value, local)),
                _ => local += u64::from(lookup.source == Source::Local),
            }
            // A program would do something else meanwhile.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await?
}

async fn first() -> Outcome {
    let server = std::env::var("REDIS_URL").is_err().then(TestServer::start);
    let url = match &server {
        Some(server) => server.url(),
        None => std::env::var("REDIS_URL")?,
    };
    let cache = open(&url).await?;
    cache.set("greeting", "hello".to_owned(), None).await?;
    cache.remove("answer").await?;
    println!(
        "first:  the greeting is \"hello\", and there is {:?} for an answer",
        cache.get("answer").await?
    );

    let mut second = Command::new(std::env::current_exe()?).arg(&url).stdout(Stdio::piped()).spawn()?;
    let said = BufReader::new(second.stdout.take().ok_or("the second process has an output")?);
    let mut said = said.lines();
    let line = said.next().ok_or("the second process says what it reads")??;
    println!("{line}");

    println!("first:  writes \"good evening\"");
    cache.set("greeting", "good evening".to_owned(), None).await?;
    let (answer, local) = other_than(&cache, "answer", None).await?;
    for line in said {
        println!("{}", line?);
    }
    println!("first:  sees the answer {answer:?}, after {local} reads from memory");
    let status = second.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the second process: {status}").into()) }
}

async fn second(url: &str) -> Outcome {
    let cache = open(url).await?;
    let before = cache.get("greeting").await?;
    let mut local = 0;
    for _ in 1..1000 {
        local += u64::from(cache.lookup("greeting").await?.source == Source::Local);
    }
    let mut out = std::io::stdout();
    writeln!(out, "second: reads {before:?} a thousand times, {local} of them from memory")?;
    out.flush()?;
    let (after, local) = other_than(&cache, "greeting", before.as_deref()).await?;
    writeln!(out, "second: sees {after:?}, after {local} reads from memory; answers")?;
    out.flush()?;
    cache.set("answer", "good night".to_owned(), None).await?;
    Ok(())
}
