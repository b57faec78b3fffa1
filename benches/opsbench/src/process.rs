//! A process under measurement: its CPU time and memory, seen from outside, and what it says.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::failure::Failure;

/// How often the CPU clock is read for the curve.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// A process that says nothing is done when it has used less than [`QUIET_SHARE`] of a core for so long,
const QUIET: Duration = Duration::from_secs(5);

const QUIET_SHARE: f64 = 0.03;

/// after it has used so much.
const WORKED: Duration = Duration::from_millis(500);

/// When, and how much CPU time the process had used by then.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: Instant,
    pub cpu: Duration,
}

/// Which stream of the process is listened to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    Stdout,
    Stderr,
}

/// A running process. Killed with the value.
pub struct Process {
    child: Child,
    clock: libc::clockid_t,
    lines: Receiver<(Sample, String)>,
    stopping: Arc<AtomicBool>,
    sampler: Option<JoinHandle<Vec<Sample>>>,
}

impl Process {
    /// Starts it. All that it says goes to the log.
    pub fn start(mut command: Command, listen: Listen, log: std::fs::File) -> Result<Process, Failure> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped());
        let mut heard = log.try_clone().map_err(|error| Failure::new(&program, error))?;
        match listen {
            Listen::Stdout => command.stdout(Stdio::piped()).stderr(log),
            Listen::Stderr => command.stderr(Stdio::piped()).stdout(log),
        };
        dies_with_us(&mut command);
        let mut child = command.spawn().map_err(|error| Failure::new(&program, error))?;
        let stream: Option<Box<dyn Read + Send>> = match listen {
            Listen::Stdout => child.stdout.take().map(|stream| Box::new(stream) as _),
            Listen::Stderr => child.stderr.take().map(|stream| Box::new(stream) as _),
        };
        let clock = cpu_clock(child.id()).map_err(|error| Failure::new(program, error))?;
        let (say, lines) = channel();
        let stream = BufReader::new(stream.expect("it was asked for"));
        std::thread::spawn(move || {
            for line in stream.lines().map_while(Result::ok) {
                let Some(sample) = sample(clock) else { return };
                // A log that cannot be written is no reason to measure nothing.
                _ = writeln!(heard, "{line}");
                if say.send((sample, line)).is_err() {
                    return;
                }
            }
        });
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let sampler = std::thread::spawn(move || {
            let mut samples = Vec::new();
            while let Some(sample) = sample(clock).filter(|_| !stop.load(Ordering::Relaxed)) {
                samples.push(sample);
                std::thread::sleep(SAMPLE_INTERVAL);
            }
            samples
        });
        Ok(Process { child, clock, lines, stopping, sampler: Some(sampler) })
    }

    /// Waits for a line that holds `text`: the line, and the process as it was then.
    pub fn wait_for(&self, text: &str, limit: Duration) -> Result<(Sample, String), Failure> {
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok((sample, line)) if line.contains(text) => return Ok((sample, line)),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::new(format!("`{text}`"), format!("not said within {limit:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new(format!("`{text}`"), "the process has ended"));
                }
            }
        }
    }

    /// Waits until it has been idle for [`QUIET`] after it worked, and gives the process as it was when that began.
    pub fn wait_until_idle(&self, begin: Sample, limit: Duration) -> Result<Sample, Failure> {
        let until = Instant::now() + limit;
        let mut seen = vec![begin];
        while let Some(now) = sample(self.clock).filter(|_| Instant::now() < until) {
            seen.push(now);
            let before = seen.iter().rev().find(|earlier| now.at.duration_since(earlier.at) >= QUIET);
            let is_quiet = |earlier: &&Sample| now.cpu.saturating_sub(earlier.cpu) < QUIET.mul_f64(QUIET_SHARE);
            let has_worked = now.cpu.saturating_sub(begin.cpu) > WORKED;
            if let Some(end) = before.filter(is_quiet).filter(|_| has_worked) {
                return Ok(*end);
            }
            std::thread::sleep(SAMPLE_INTERVAL * 10);
        }
        Err(Failure::new("idleness", format!("not reached within {limit:?}")))
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
    }

    /// Its CPU curve so far; none is taken after it.
    pub fn curve(&mut self) -> Vec<Sample> {
        self.stopping.store(true, Ordering::Relaxed);
        self.sampler.take().and_then(|sampler| sampler.join().ok()).unwrap_or_default()
    }

    /// Closes its stdin, asks it to end where that is no sign to it, and waits.
    pub fn end(mut self, limit: Duration) {
        drop(self.child.stdin.take());
        // SAFETY: a signal to our own child, which is not reaped yet.
        #[allow(unsafe_code)]
        unsafe {
            libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM);
        }
        let until = Instant::now() + limit;
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Both fail only for a process that has ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A bench that is killed leaves nobody behind who competes with the next.
#[allow(unsafe_code)]
fn dies_with_us(command: &mut Command) {
    // SAFETY: between fork and exec only this one system call is made, which allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}

/// The clock that counts the CPU time of all threads of a process, in nanoseconds, also of those that have ended.
#[allow(unsafe_code)]
fn cpu_clock(process: u32) -> Result<libc::clockid_t, std::io::Error> {
    let mut clock = 0;
    // SAFETY: `clock` is a place to write to.
    match unsafe { libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) } {
        0 => Ok(clock),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

#[allow(unsafe_code)]
fn sample(clock: libc::clockid_t) -> Option<Sample> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a place to write to.
    let code = unsafe { libc::clock_gettime(clock, &mut time) };
    let cpu = Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    (code == 0).then(|| Sample { at: Instant::now(), cpu })
}
