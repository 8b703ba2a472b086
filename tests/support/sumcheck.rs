//! The built binary, run where nothing of this machine's settings reaches it.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A run that lasts longer hangs: twice the 60 s after which sumcheck promises to give up.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A person's home folder with sumcheck's state in it, kept from run to run and then removed.
#[derive(Clone)]
pub struct Home(Arc<TempDir>);

impl Home {
    pub fn new() -> Self {
        let home = Self(Arc::new(TempDir::new().expect("a temporary folder")));
        std::fs::create_dir(home.work()).expect("a folder in a new folder");
        home
    }

    /// HOME.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// SUMCHECK_HOME, which does not exist before the first run.
    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The folder in which sumcheck runs.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// A run of sumcheck in this home.
    pub fn sumcheck<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sumcheck"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path())
            .env("SUMCHECK_HOME", self.state())
            .env("GOENV", "off")
            .env("GOFLAGS", "")
            // No go command, and no GOROOT: only Go's built-in defaults and what the test sets.
            .env("PATH", self.path().join("bin"))
            .current_dir(self.work());
        // Coverage and sanitizers name the files that they write in these.
        for name in ["LLVM_PROFILE_FILE", "SystemRoot"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        Run {
            home: self.clone(),
            command,
            stdin: Vec::new(),
            stdout_closed: false,
        }
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// A run of sumcheck that has not begun.
pub struct Run {
    home: Home,
    command: Command,
    stdin: Vec<u8>,
    stdout_closed: bool,
}

impl Run {
    /// A run in a new home.
    pub fn new<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Self {
        Home::new().sumcheck(args)
    }

    pub fn args_all(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// GOPROXY.
    pub fn goproxy(self, list: &str) -> Self {
        self.env("GOPROXY", list)
    }

    /// GOSUMDB: a name, a verifier key, or a verifier key and a URL.
    pub fn sumdb(self, sumdb: &str) -> Self {
        self.env("GOSUMDB", sumdb)
    }

    /// Writes a file below the folder of the run.
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.home.work().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, contents).expect("a file in a temporary folder");
        self
    }

    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Has another program run it, which is given sumcheck and its arguments after its own.
    pub fn through(mut self, program: &[&str]) -> Self {
        let mut command = Command::new(program[0]);
        command
            .args(&program[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.expect("no variable is taken out"));
        }
        command.current_dir(self.command.get_current_dir().expect("always set"));
        self.command = command;
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Nobody reads its standard output.
    pub fn stdout_closed(mut self) -> Self {
        self.stdout_closed = true;
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Begins it, for a test that has something to do with the process.
    pub fn spawn(mut self) -> Running {
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built sumcheck starts");
        let mut stdin = child.stdin.take().expect("piped");
        let bytes = self.stdin;
        // A program that does not read to the end is no fault of the test.
        thread::spawn(move || stdin.write_all(&bytes));
        let stdout = child.stdout.take().expect("piped");
        let stdout = if self.stdout_closed {
            drop(stdout);
            read_to_end(std::io::empty())
        } else {
            read_to_end(stdout)
        };
        let said = Arc::new(Said::default());
        let stderr = read_to_end(Heard {
            pipe: child.stderr.take().expect("piped"),
            said: Arc::clone(&said),
        });
        Running {
            home: self.home,
            memory: Memory::watch(child.id()),
            child,
            stdout,
            stderr,
            said,
            started,
        }
    }
}

fn read_to_end(mut pipe: impl Read + Send + 'static) -> Mutex<Receiver<Vec<u8>>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = send.send(bytes);
    });
    Mutex::new(receive)
}

/// A run of sumcheck that is under way.
pub struct Running {
    home: Home,
    child: Child,
    memory: Memory,
    // Behind locks, so that several threads of a test may look at one run.
    stdout: Mutex<Receiver<Vec<u8>>>,
    stderr: Mutex<Receiver<Vec<u8>>>,
    said: Arc<Said>,
    started: Instant,
}

/// What was said so far on standard error.
#[derive(Default)]
struct Said {
    bytes: Mutex<Vec<u8>>,
    ended: AtomicBool,
    more: Condvar,
}

/// Standard error, which is overheard while it is read.
struct Heard<R> {
    pipe: R,
    said: Arc<Said>,
}

impl<R: Read> Read for Heard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.pipe.read(buffer)?;
        let mut bytes = self.said.bytes.lock().unwrap();
        bytes.extend(&buffer[..length]);
        self.said.ended.store(length == 0, Ordering::SeqCst);
        self.said.more.notify_all();
        Ok(length)
    }
}

impl Running {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that holds these words.
    pub fn wait_for(&self, words: &str) -> String {
        let mut bytes = self.said.bytes.lock().unwrap();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut lines = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            if let Some(line) = lines.find(|line| line.contains(words)) {
                return line.trim_end().to_owned();
            }
            let left = TIME_LIMIT.saturating_sub(self.started.elapsed());
            let ended = self.said.ended.load(Ordering::SeqCst);
            assert!(
                !left.is_zero() && !ended,
                "it did not say {words:?}: {text}"
            );
            (bytes, _) = self.said.more.wait_timeout(bytes, left).unwrap();
        }
    }

    /// The most memory that it was seen to use so far; 0 where the system does not tell.
    pub fn peak_kib(&self) -> u64 {
        high_water_kib(self.id())
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) -> Outcome {
        let _ = self.child.kill();
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let deadline = self.started + TIME_LIMIT;
        let mut collect = |pipe: &Mutex<Receiver<Vec<u8>>>| {
            let left = deadline.saturating_duration_since(Instant::now());
            pipe.lock().unwrap().recv_timeout(left).unwrap_or_else(|_| {
                let _ = self.child.kill();
                panic!("sumcheck still runs after {TIME_LIMIT:?}")
            })
        };
        let (stdout, stderr) = (collect(&self.stdout), collect(&self.stderr));
        let status = self.child.wait().expect("a child can be waited for");
        Outcome {
            code: code(status),
            stdout: text(stdout, "standard output"),
            stderr: text(stderr, "standard error"),
            took: self.started.elapsed(),
            peak_kib: self.memory.peak_kib(),
            home: self.home,
        }
    }
}

/// The exit code as a shell shows it: 128 and the number of the signal that ended the process.
fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status
        .code()
        .expect("a process that was not ended by a signal has a code")
}

fn text(bytes: Vec<u8>, what: &str) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| panic!("{what} is not UTF-8: {error}"))
}

/// How a run ended.
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// From its start until its output was read.
    pub took: Duration,
    /// The most memory that it was seen to use; 0 where the system does not tell.
    pub peak_kib: u64,
    /// Where it ran, for the next run.
    pub home: Home,
}

/// Looks at the memory of a process while it runs.
struct Memory {
    stop: Sender<()>,
    peak_kib: JoinHandle<u64>,
}

impl Memory {
    const PAUSE: Duration = Duration::from_millis(20);

    fn watch(process: u32) -> Self {
        let (stop, stopped) = channel();
        let peak_kib = thread::spawn(move || {
            let mut peak_kib = 0;
            loop {
                peak_kib = peak_kib.max(high_water_kib(process));
                if stopped.recv_timeout(Self::PAUSE) != Err(RecvTimeoutError::Timeout) {
                    return peak_kib;
                }
            }
        });
        Self { stop, peak_kib }
    }

    fn peak_kib(self) -> u64 {
        drop(self.stop);
        self.peak_kib.join().unwrap_or(0)
    }
}

/// VmHWM of proc_pid_status(5). Before it has become sumcheck, the new process still has the memory
/// of the test that started it.
fn high_water_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    if !status.starts_with("Name:\tsumcheck\n") {
        return 0;
    }
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

impl Outcome {
    /// Itself, if it ended with this code; else a panic that shows what it said.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(self.code == code, "expected exit code {code}: {self:?}");
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
            took,
            ..
        } = self;
        write!(
            f,
            "exit code {code} after {took:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}
