//! The arguments, and the help that somebody in a hurry reads.

pub(super) mod watch;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use self::watch::{StatusArgs, WatchArgs};
use crate::gate::private::PrivateMode;
use crate::golang::base_url::{BaseUrl, BaseUrlError};

/// sumcheck proves go.sum lines in the Go checksum database's transparency log.
#[derive(Debug, Parser)]
#[command(
    name = "sumcheck",
    version,
    about = "The independent verifier of the Go checksum database",
    after_help = "Examples:
  sumcheck verify                     the module or workspace around this folder
  sumcheck verify --offline go.sum    prove from the caches on this disk alone
  sumcheck lookup --proof golang.org/x/text@v0.21.0

Exit codes: 0 all verified, 1 a hash or version is not the log's, 2 usage or \
                  configuration,\n3 could not verify, 4 the log misbehaved (evidence is kept), \
                  130/143 interrupted.",
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Settings that every command knows, before or after its name.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Folder of all state: the verified heads and records, tiles, evidence
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SUMCHECK_HOME",
        hide_env_values = true
    )]
    pub(super) home: Option<PathBuf>,

    /// The checksum database, as GOSUMDB: a name, a verifier key, or a key and a URL
    #[arg(
        long,
        global = true,
        value_name = "SUMDB",
        env = "SUMCHECK_SUMDB",
        hide_env_values = true
    )]
    pub(super) sumdb: Option<String>,

    /// The module proxies through which the database is reached, as GOPROXY
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "SUMCHECK_GOPROXY",
        hide_env_values = true
    )]
    pub(super) goproxy: Option<String>,

    /// Send no packet: prove from what is on this disk
    #[arg(long, global = true, env = "SUMCHECK_OFFLINE", hide_env_values = true,
          value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true",
          value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) offline: Option<bool>,

    /// Requests in flight at once
    #[arg(long, global = true, value_name = "N", env = "SUMCHECK_CONCURRENCY",
          hide_env_values = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) concurrency: Option<u16>,

    /// How results are written
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        env = "SUMCHECK_FORMAT",
        hide_env_values = true
    )]
    pub(super) format: Option<Format>,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", env = "SUMCHECK_COLOR", hide_env_values = true,
          default_value_t = Color::Auto)]
    pub(super) color: Color,

    /// Say nothing when all is well
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Show each request with its time, and every line that is not verified
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        })
    }
}

impl Color {
    /// Tells the output streams; `auto` leaves the choice to the terminal and to NO_COLOR.
    pub(super) fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Verify(VerifyArgs),
    Audit(AuditArgs),
    Mirror(MirrorArgs),
    List(ListArgs),
    Show(ShowArgs),
    Gate(Box<GateArgs>),
    Lookup(LookupArgs),
    Heads(HeadsArgs),
    Evidence(EvidenceArgs),
    Pin(PinArgs),
    Findings(FindingsArgs),
    Watch(WatchArgs),
    Status(StatusArgs),
    Env(EnvArgs),
    Completions(CompletionsArgs),
}

/// Prove every line of a go.sum in the log
///
/// Each line's hash is compared with the log's own record, which is proven under one signed tree
/// head that continues every head this home has ever seen.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck verify                     the module or workspace around this folder
  sumcheck verify go.sum other/       a file, and another module's folder
  git show main:go.sum | sumcheck verify -
  sumcheck verify --format json go.sum | jq '.summary'
  sumcheck verify --offline           prove from the caches on this disk alone")]
pub(super) struct VerifyArgs {
    /// A go.sum or go.work.sum, a folder of a module or workspace, or - for standard input
    pub(super) paths: Vec<PathBuf>,

    /// Ask for the log's newest head even if every line is proven already
    #[arg(long)]
    pub(super) refresh: bool,

    /// Succeed though all lines are private and nothing could be checked
    #[arg(long, env = "SUMCHECK_ALLOW_UNCHECKED", hide_env_values = true,
          value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true",
          value_parser = clap::builder::BoolishValueParser::new())]
    pub(super) allow_unchecked: Option<bool>,
}

/// Replay the whole log: read and hash every record up to a signed tree head
///
/// Each tile of records must hash to what the log has signed, and no module version may stand in the
/// log twice with two hashes. What was audited is remembered: the next audit reads what is new. It can
/// be interrupted at any moment.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck audit                          everything since the last audit
  sumcheck audit --hashes-only            where tiles of records are refused: the tree alone
  sumcheck audit --source /srv/mirror     a folder in the log's own layout
  sumcheck audit --source https://log.example.com --mirror
  sumcheck audit --format json | jq '.contradictions'

Exit codes: 0 all is well, 1 with --strict an anomaly, 3 something could not be read or a server \
                  gave\nwhat is not the log's, 4 the log contradicts itself (evidence is kept).")]
pub(super) struct AuditArgs {
    #[command(flatten)]
    pub(super) replay: ReplayArgs,

    /// Begin with this record, and not where the last audit ended
    #[arg(long, value_name = "SIZE")]
    pub(super) from: Option<u64>,

    /// Keep a mirror of what is audited: see sumcheck mirror
    #[arg(long)]
    pub(super) mirror: bool,

    /// Fail on anomalies too: records that are strange and no misbehaviour
    #[arg(long)]
    pub(super) strict: bool,
}

/// What audits and mirrors have in common.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct ReplayArgs {
    /// Where tiles are read: a URL or folder in the log's own layout, or proxy for GOPROXY's /sumdb;
    /// by default where verify asks
    #[arg(long, value_name = "URL|DIR|proxy")]
    pub(super) source: Option<SourceArg>,

    /// Replay the first SIZE records, and not all under the newest tree head
    #[arg(long, value_name = "SIZE")]
    pub(super) to: Option<u64>,

    /// Replay the tiles of hashes, and read no record
    #[arg(long)]
    pub(super) hashes_only: bool,

    /// Compare the served tiles of hashes, at all levels, with what the records hash to
    #[arg(long)]
    pub(super) check_tiles: bool,

    /// Forget how far the last one came, and begin anew
    #[arg(long)]
    pub(super) restart: bool,
}

/// Where tiles are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceArg {
    /// The first of GOPROXY that supports the database.
    Proxy,
    Url(BaseUrl),
    Folder(PathBuf),
}

impl std::str::FromStr for SourceArg {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        match text {
            "proxy" => Ok(Self::Proxy),
            _ if text.contains("://") => BaseUrl::parse(text).map(Self::Url),
            _ => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

/// Keep a mirror of the log, proven as it comes in, and use it
///
/// Without a subcommand: bring the mirror of this home up to the newest tree head. verify, lookup and
/// gate then find their records in it, tell nobody what they look up, and work with no network.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck mirror                            all records, and an index of all module versions
  sumcheck mirror --hashes-only              the tree alone, where records are refused
  sumcheck mirror --sparse                   what this home has asked for
  sumcheck mirror serve --listen :8080       a checksum database for go: GOSUMDB=\"NAME URL\"
  sumcheck mirror status
  sumcheck mirror verify --repair")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MirrorArgs {
    #[command(subcommand)]
    pub(super) action: Option<MirrorAction>,

    #[command(flatten)]
    pub(super) replay: ReplayArgs,

    /// Keep what proves the records that this home has asked for, and no others
    #[arg(long, conflicts_with_all = ["hashes_only", "to", "check_tiles"])]
    pub(super) sparse: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum MirrorAction {
    /// Show what the mirror has
    Status,
    /// Read all of it, hash it up to the signed root, and compare the index
    Verify {
        /// Bring back from the log what is damaged, and make the index anew
        #[arg(long)]
        repair: bool,
    },
    /// Remove tiles at former right edges, which wider ones have replaced
    Prune,
    /// Write a folder that any web server can serve
    Export {
        /// The folder; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Serve the mirror as a checksum database, for a go command or another sumcheck
    #[command(after_help = "Examples:
  sumcheck mirror serve --listen 127.0.0.1:8080
      GOSUMDB=\"sum.golang.org http://127.0.0.1:8080\" go mod download
      GOPROXY=http://127.0.0.1:8080,https://proxy.example.com go mod download")]
    Serve {
        /// Serve on this address until interrupted
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
        listen: std::net::SocketAddr,

        /// Ask the log for what the mirror does not have, and keep it
        #[arg(long)]
        sparse: bool,
    },
}

/// List module versions and their records, out of the mirror
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck list golang.org/x/text         all versions of a module
  sumcheck list 'golang.org/x/...'        everything below a path
  sumcheck list --format json rsc.io/quote | jq -r '.records[].version'")]
pub(super) struct ListArgs {
    /// A module path, or a path and /... for all modules below it
    #[arg(value_name = "PATTERN")]
    pub(super) pattern: String,
}

/// Show the record at an index
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck show 1
  sumcheck show --format json 23956331")]
pub(super) struct ShowArgs {
    /// Index of the record, from 0
    #[arg(value_name = "INDEX")]
    pub(super) index: u64,
}

/// Let no module byte through before its hash is proven in the log
///
/// With a command: runs it so that the go command can fetch modules through the gate alone, and
/// returns its exit code; 125 if the gate itself fails, 126 and 127 as a shell has them, and 1 if
/// the command succeeded though the gate refused something. With --listen: a module proxy.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck gate -- go build ./...
  sumcheck gate -- go mod download
  sumcheck gate --report gate.json --modcache=deep -- go build ./...
  sumcheck gate --trace build.har -- go build ./...
  sumcheck gate --listen 127.0.0.1:8080      and then GOPROXY=http://127.0.0.1:8080
  sumcheck gate --listen :8443 --tls-cert gate.crt --tls-key gate.key --token-file tokens
  sumcheck gate --listen :8080 --cache-size 20GB --prefetch go.sum
  sumcheck gate export modules --for go.sum  and then GOPROXY=file:///…/modules without network
  sumcheck gate cache list")]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct GateArgs {
    #[command(subcommand)]
    pub(super) action: Option<GateAction>,

    /// Serve on this address until interrupted; systemd: on the socket that it passes
    #[arg(
        long,
        value_name = "ADDR",
        conflicts_with = "command",
        required_unless_present_any = ["command", "check_config"]
    )]
    pub(super) listen: Option<ListenAt>,

    /// Serve /metrics, /healthz, /readyz and the page of the home on this address
    #[arg(long, value_name = "ADDR", requires = "listen")]
    pub(super) metrics: Option<std::net::SocketAddr>,

    /// Serve over TLS with this chain of certificates (PEM); read again on SIGHUP
    #[arg(long, value_name = "FILE", requires = "listen", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,

    /// The key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,

    /// Give private modules to those who show a token of this file: lines of name:token
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(super) token_file: Option<PathBuf>,

    /// How private modules (GONOSUMDB, GOPRIVATE) are checked
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        env = "SUMCHECK_PRIVATE",
        hide_env_values = true
    )]
    pub(super) private: Option<PrivateModules>,

    /// Check private modules against this go.sum too; by default against those around
    #[arg(long, value_name = "FILE")]
    pub(super) go_sum: Vec<PathBuf>,

    /// Let in nothing but the files that this go.sum names
    #[arg(long, value_name = "FILE")]
    pub(super) only: Vec<PathBuf>,

    /// Refuse nothing for the rules of the [gate] table, --only, or for being absent from the log:
    /// write down what would have been refused
    #[arg(long)]
    pub(super) observe: bool,

    /// Read the settings, say which rules are in force, and end
    #[arg(long, conflicts_with_all = ["command", "listen"])]
    pub(super) check_config: bool,

    /// Fetch the files of this go.sum before they are asked for; for CMD, without this option, what
    /// the go.mod around requires and the module cache lacks, once CMD asks for some of it
    #[arg(long, value_name = "FILE", conflicts_with = "no_prefetch")]
    pub(super) prefetch: Vec<PathBuf>,

    /// Fetch nothing before it is asked for
    #[arg(long)]
    pub(super) no_prefetch: bool,

    /// Keep at most so much in the cache, as 500MB, 20GB or 10GiB: what was not used for longest goes
    #[arg(long, value_name = "SIZE")]
    pub(super) cache_size: Option<ByteSize>,

    /// Fetch at most so many zips at the same time [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) downloads: Option<u16>,

    /// What to do before CMD with what is in the module cache already of the go.sum files around
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value_t = ModuleCacheUse::Check,
        conflicts_with = "listen"
    )]
    pub(super) modcache: ModuleCacheUse,

    /// Write what was decided for CMD, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    pub(super) report: Option<PathBuf>,

    /// Record every request on both sides, with times and verdicts, for a browser's network panel
    #[arg(long, value_name = "FILE.har")]
    pub(super) trace: Option<PathBuf>,

    /// What to run, after --
    #[arg(last = true, value_name = "CMD")]
    pub(super) command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum GateAction {
    /// Write a folder with which a machine without network builds, and proves what it builds
    ///
    /// It has the modules of the go.sum files, proven, and the records, head and tiles of the
    /// checksum database: with GOPROXY=file://DIR the go command verifies there as it does elsewhere.
    Export {
        /// The folder; it is made if it is not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The go.sum files, or folders of modules or workspaces, that say which modules
        #[arg(long = "for", value_name = "PATH", required = true, num_args = 1..)]
        paths: Vec<PathBuf>,
    },
    /// Show, shrink and check the cache of proven modules
    #[command(after_help = "Examples:
  sumcheck gate cache list
  sumcheck gate cache prune --cache-size 5GB
  sumcheck gate cache prune --unused-for 90
  sumcheck gate cache verify --format json")]
    Cache {
        #[command(subcommand)]
        action: CacheAction,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum CacheAction {
    /// Show each module version with its size and when it was last used
    List,
    /// Show how much it holds
    Size,
    /// Remove what has not been used for longest
    #[command(group = clap::ArgGroup::new("keep").required(true).multiple(true))]
    Prune {
        /// Until no more is left than this, as 500MB, 20GB or 10GiB
        #[arg(long, value_name = "SIZE", group = "keep")]
        cache_size: Option<ByteSize>,
        /// What was not used for so many days
        #[arg(long, value_name = "DAYS", group = "keep")]
        unused_for: Option<u32>,
    },
    /// Hash every file and compare it with the log; what is damaged is set aside
    Verify,
}

/// A number of bytes, with or without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ByteSize(pub(super) u64);

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err("not a size: write it as 500MB, 20GB or 10GiB".to_owned()),
        };
        let number: u64 = number
            .parse()
            .map_err(|_| "not a size: write it as 500MB, 20GB or 10GiB".to_owned())?;
        number
            .checked_mul(factor)
            .map(Self)
            .ok_or_else(|| "more than any disk holds".to_owned())
    }
}

/// How private modules are checked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PrivateModules {
    /// They must be what they were when first seen, and what go.sum says (the default)
    #[default]
    Pin,
    /// They must be what go.sum says; what it does not name is refused
    GoSum,
    /// None is let through
    Deny,
    /// Whatever comes is let through
    Trust,
}

impl From<PrivateModules> for PrivateMode {
    fn from(how: PrivateModules) -> Self {
        match how {
            PrivateModules::Pin => Self::Pin,
            PrivateModules::GoSum => Self::GoSum,
            PrivateModules::Deny => Self::Deny,
            PrivateModules::Trust => Self::Trust,
        }
    }
}

/// What is done with the go command's module cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ModuleCacheUse {
    /// Compare its zips, go.mod files and hashes with the log; run nothing if one differs
    Check,
    /// The extracted folders as well
    Deep,
    /// Leave it alone: CMD gets an empty one, which is removed afterwards
    Ignore,
    /// Use it as it is
    Trust,
}

/// Where the gate listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenAt {
    Address(std::net::SocketAddr),
    /// The socket that systemd passes.
    Systemd,
}

impl std::str::FromStr for ListenAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        let wrong = |_| "neither an address with a port, as 127.0.0.1:8080, nor systemd".to_owned();
        address(text).map(Self::Address).map_err(wrong)
    }
}

/// As other servers take it: a port alone is that port of all addresses.
fn address(text: &str) -> Result<std::net::SocketAddr, std::net::AddrParseError> {
    match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}").parse(),
        None => text.parse(),
    }
}

/// Show the log's authenticated record of a module version
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck lookup golang.org/x/text@v0.21.0
  sumcheck lookup --proof rsc.io/quote@v1.5.2
  sumcheck lookup --format json golang.org/x/text@v0.21.0 | jq .results[0].record")]
pub(super) struct LookupArgs {
    /// What to look up
    #[arg(required = true, value_name = "MODULE@VERSION")]
    pub(super) modules: Vec<String>,

    /// Show the inclusion proof: the hashes from the record up to the tree's root
    #[arg(long)]
    pub(super) proof: bool,

    /// Ask for the log's newest head even if the record is proven already
    #[arg(long)]
    pub(super) refresh: bool,
}

/// Show the verified tree heads that this home keeps
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck heads
  sumcheck heads --limit 3
  sumcheck heads --format json | jq '.heads[-1].size'
  sumcheck heads --format json > heads.json   and in another home:
  sumcheck heads import heads.json")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct HeadsArgs {
    #[command(subcommand)]
    pub(super) action: Option<HeadsAction>,

    /// Show only the newest N
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
pub(super) enum HeadsAction {
    /// Take over when another home first saw its tree heads
    ///
    /// Each of them must be signed by the log and is tied into the timeline of this home. A gate with
    /// cooldown-days believes the dates: take them from somebody whom you trust.
    Import {
        /// What sumcheck heads --format json wrote there, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// List and check the evidence of a log that misbehaved
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck evidence list
  sumcheck evidence verify evidence.json
  sumcheck evidence verify --sumdb 'log.example.com+1a2b3c4d+AbC…' evidence.json")]
pub(super) struct EvidenceArgs {
    #[command(subcommand)]
    pub(super) action: EvidenceAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvidenceAction {
    /// Show the evidence that this home keeps
    List,
    /// Prove a file again from its content and the log's public key alone: no network, no state
    Verify {
        /// The evidence file
        file: PathBuf,
    },
}

/// List what a log did wrong, and acknowledge it
///
/// Until a finding is acknowledged every run reminds of it, and the gate gives nothing out. The
/// evidence stays.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck findings list
  sumcheck findings ack 1")]
pub(super) struct FindingsArgs {
    #[command(subcommand)]
    pub(super) action: FindingsAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum FindingsAction {
    /// Show all findings of this home
    List,
    /// Say that you have seen to a finding
    Ack {
        /// Its number
        #[arg(value_name = "ID")]
        id: i64,
    },
}

/// Show and change what private modules must be
///
/// The gate pins the hash of each file of a private module when it first sees it, and refuses any
/// other from then on; sumcheck verify compares with the same pins.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck pin list
  sumcheck pin add go.sum                     what it says of private modules
  echo 'example.com/us/x v1.2.3 h1:…' | sumcheck pin add -
  sumcheck pin remove example.com/us/x@v1.2.3
  sumcheck pin remove example.com/us/x        all its versions
  sumcheck pin export > pins.json             and on another machine:
  sumcheck pin import pins.json")]
pub(super) struct PinArgs {
    #[command(subcommand)]
    pub(super) action: PinAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum PinAction {
    /// Show all pins of this home
    List,
    /// Pin what go.sum files say of private modules
    Add {
        /// A go.sum, a folder of a module or workspace, or - for standard input
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
        /// Pin it though something else is pinned
        #[arg(long)]
        replace: bool,
    },
    /// Forget what a module version, or all versions of a module, must be
    Remove {
        /// PATH@VERSION or PATH
        #[arg(value_name = "MODULE", required = true)]
        modules: Vec<String>,
    },
    /// Write all pins as one JSON document
    Export,
    /// Add the pins of such a document
    Import {
        /// The document, or - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Add them though something else is pinned
        #[arg(long)]
        replace: bool,
    },
}

/// Show the settings in force and where each comes from
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck env
  sumcheck env --format json
  GOPROXY=direct sumcheck env")]
pub(super) struct EnvArgs {}

/// Write a completion script for a shell
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck completions bash > /etc/bash_completion.d/sumcheck
  sumcheck completions zsh > ~/.zfunc/_sumcheck
  sumcheck completions fish > ~/.config/fish/completions/sumcheck.fish")]
pub(super) struct CompletionsArgs {
    /// Which shell
    pub(super) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_that_of_all_addresses() {
        assert_eq!(address(":8080").unwrap().to_string(), "[::]:8080");
        assert_eq!(address("127.0.0.1:80").unwrap().to_string(), "127.0.0.1:80");
        assert!(address("8080").is_err());
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("500MB", 500_000_000),
            ("20 gb", 20_000_000_000),
            ("10GiB", 10 << 30),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "GB", "-1", "1.5GB", "5 apples", "99999999999TB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
