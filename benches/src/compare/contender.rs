//! The programs compared: which, from where, in what version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::Options;

/// One program that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: Name,
    pub(crate) program: PathBuf,
    pub(crate) version: String,
}

/// Who can take part. The order is the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    Valkey,
    Scrubjay,
    Redis,
}

impl Name {
    const ALL: [Self; 3] = [Self::Valkey, Self::Scrubjay, Self::Redis];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Valkey => "Valkey",
            Self::Scrubjay => "Scrubjay",
            Self::Redis => "Redis",
        }
    }
}

/// Where `tests/run` puts the reference servers.
const REFERENCES: &str = "target/references/bin";

/// Everyone asked for; without `--servers`, everyone found. The first of them is who the others are measured
/// by.
pub(crate) fn find(options: &Options) -> Result<Vec<Contender>> {
    let mut contenders = Vec::new();
    for name in Name::ALL {
        let is_asked = options.servers.contains(&name);
        if !options.servers.is_empty() && !is_asked {
            continue;
        }
        let found = match name {
            Name::Scrubjay => Some(options.scrubjay.clone().map_or_else(build, Ok)?),
            Name::Valkey => options.valkey.clone().or_else(|| reference("valkey-server")),
            Name::Redis => options.redis.clone().or_else(|| reference("redis-server")),
        };
        match found {
            Some(program) => contenders.push(Contender::new(name, program)?),
            None if is_asked => bail!("{} was not found: name its path", name.as_str()),
            None => eprintln!("{} takes no part: it was not found", name.as_str()),
        }
    }
    ensure!(!contenders.is_empty(), "there is no server to measure");
    Ok(contenders)
}

impl Contender {
    fn new(name: Name, program: PathBuf) -> Result<Self> {
        let program = program.canonicalize().with_context(|| format!("{}", program.display()))?;
        let output = Command::new(&program).arg("--version").output();
        let output = output.with_context(|| format!("running {} --version", program.display()))?;
        let version = version(&String::from_utf8_lossy(&output.stdout));
        let version = version.with_context(|| format!("{} --version names none", program.display()))?;
        Ok(Self { name, program, version })
    }
}

/// The version in a line like `Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=0
/// scrubjay=0.1.0`: the program's own where it names one, since `v=` is then the version it stands in for.
fn version(line: &str) -> Option<String> {
    let field = |name| line.split_whitespace().find_map(|word| word.strip_prefix(name));
    Some(field("scrubjay=").or_else(|| field("v="))?.to_owned())
}

/// Builds the server beside this program, so that a comparison never measures yesterday's.
fn build() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let sibling = this.with_file_name("scrubjay");
    match std::env::var_os("CARGO") {
        Some(cargo) => {
            let mut command = Command::new(cargo);
            command.args(["build", "--release", "--package", "scrubjay-server"]);
            ensure!(command.status()?.success(), "Scrubjay could not be built");
        }
        // Started without cargo: what lies beside it is what is meant.
        None => ensure!(sibling.exists(), "no {}: name Scrubjay's path with --scrubjay", sibling.display()),
    }
    Ok(sibling)
}

/// A reference server: of `tests/run` first, then of the system.
fn reference(program: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(workspace.join(REFERENCES))
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_version_wins() {
        let valkey = "Valkey server v=9.1.2 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=1";
        assert_eq!(version(valkey).unwrap(), "9.1.2");
        assert_eq!(version(&format!("{valkey} scrubjay=0.1.0\n")).unwrap(), "0.1.0");
        assert_eq!(version("Hello"), None);
    }
}
