//! What a miss costs, beside a GET of redis-rs.

use anyhow::{Context, Result};
use redis::AsyncCommands;

use super::site::{Site, Text, key};
use crate::clock;
use crate::figures::Table;

const READS: usize = 20_000;

/// What so many reads have taken, in microseconds each: as the clock has it, of this process, of the server.
#[derive(Default)]
struct Costs {
    elapsed: Vec<f64>,
    client: Vec<f64>,
    server: Vec<f64>,
}

pub(super) async fn measure(site: &Site, rounds: usize) -> Result<Table> {
    let (mut of_plain, mut of_near) = (Costs::default(), Costs::default());
    let mut connection = site.plain().await?;
    for round in 0..rounds {
        let prefix = format!("m{round}");
        site.fill(&prefix, READS).await?;
        let keys: Vec<String> = (0..READS).map(|number| key(&prefix, number)).collect();
        // One that has none of them.
        let near = site.near(2 * READS as u64).await?;
        near.get("warm").await?;
        of_plain
            .take(site, async || {
                for key in &keys {
                    let value: Option<String> = connection.get(key).await?;
                    let _: Text = value.context("it was written")?.into();
                }
                Ok(())
            })
            .await?;
        of_near
            .take(site, async || {
                for key in &keys {
                    near.get(key).await?.context("it was written")?;
                }
                Ok(())
            })
            .await?;
    }
    let rows = vec![
        super::row("from request to value", &of_plain.elapsed, &of_near.elapsed, Some(1.05)),
        super::row("CPU time of the client", &of_plain.client, &of_near.client, None),
        super::row("CPU time of the server", &of_plain.server, &of_near.server, None),
    ];
    Ok(super::table(
        "Reads of what is not near, one after the other (µs)",
        "redis-rs GET",
        "near cache",
        rows,
    ))
}

impl Costs {
    async fn take(&mut self, site: &Site, act: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let (began, client, server) = (clock::now(), clock::thread_cpu(), site.server_cpu_s()?);
        act().await?;
        let each = |seconds: f64| seconds * 1e6 / READS as f64;
        self.elapsed.push(each(began.elapsed().as_secs_f64()));
        self.client.push(each((clock::thread_cpu() - client).as_secs_f64()));
        self.server.push(each(site.server_cpu_s()? - server));
        Ok(())
    }
}
