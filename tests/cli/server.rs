//! Servers for tests of what is read by URL: a web server that does what a test says, and a real one for S3.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// As it came: the request's line, the headers, a blank line.
    pub head: String,
}

impl Request {
    /// A header's value; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.eq_ignore_ascii_case(name)).then(|| value.trim())
        })
    }

    pub fn range(&self) -> Option<Range<usize>> {
        let (first, last) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        Some(first.parse().unwrap()..last.parse::<usize>().unwrap() + 1)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Only so much of the body is sent before the connection is closed.
    pub cut: Option<usize>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: vec![("Content-Length", "0".to_string())],
            body: Vec::new(),
            cut: None,
        }
    }

    /// A file whole, whatever part of it is asked for.
    pub fn whole(file: &[u8]) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Length", file.len().to_string())],
            body: file.to_vec(),
            cut: None,
        }
    }

    /// A file, or the part of it that is asked for.
    pub fn part(file: &[u8], request: &Request) -> Self {
        let Some(range) = request.range() else {
            return Self::whole(file);
        };
        if range.start >= file.len() {
            return Self::status(416);
        }
        let range = range.start..range.end.min(file.len());
        let place = format!("bytes {}-{}/{}", range.start, range.end - 1, file.len());
        Self {
            status: 206,
            ..Self::whole(&file[range])
        }
        .with("Content-Range", &place)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    fn send(&self, mut to: impl Write) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        to.write_all(format!("{head}\r\n").as_bytes())?;
        let all = self.body.len();
        to.write_all(&self.body[..self.cut.unwrap_or(all).min(all)])
    }
}

/// A web server, up until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    down: Arc<AtomicBool>,
}

impl Server {
    /// Answers each request by what `answer` gives for it and its number.
    pub fn start(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(move |request, number, stream| answer(request, number).send(stream))
    }

    /// Passes requests on to another server, after `before` was told of each.
    pub fn before(
        other: SocketAddr,
        before: impl Fn(&Request, usize) + Send + Sync + 'static,
    ) -> Self {
        Self::serve(move |request, number, mut stream| {
            before(request, number);
            let mut other = TcpStream::connect(other)?;
            let head = request
                .head
                .replacen("\r\n", "\r\nConnection: close\r\n", 1);
            other.write_all(head.as_bytes())?;
            std::io::copy(&mut other, &mut stream).map(|_| ())
        })
    }

    fn serve(
        answer: impl Fn(&Request, usize, &TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            down: Arc::default(),
        };
        let (requests, down) = (server.requests.clone(), server.down.clone());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if down.load(Ordering::Relaxed) {
                    break;
                }
                let (requests, answer) = (requests.clone(), answer.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    let Some(request) = read(&stream) else { return };
                    let number = {
                        let mut requests = requests.lock().unwrap();
                        requests.push(request.clone());
                        requests.len() - 1
                    };
                    // Who asked may have gone.
                    let _ = answer(&request, number, &stream);
                });
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Nobody listens there any more.
    pub fn stop(&self) {
        self.down.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    Some(Request { method, path, head })
}

pub const KEY: &str = "AKIASPANQL";
pub const SECRET: &str = "not-to-be-printed";

/// s3s-fs, an S3 server over a folder, whose folders are the buckets.
pub struct S3 {
    pub address: SocketAddr,
    pub root: tempfile::TempDir,
    child: Child,
}

impl S3 {
    /// Nothing where the program is not there: `make s3-server` brings it.
    pub fn start() -> Option<Self> {
        let program = match std::env::var_os("S3S_FS") {
            Some(program) => PathBuf::from(program),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/s3s-fs-0.14.1/bin/s3s-fs"),
        };
        if !program.exists() {
            println!("skipped: there is no S3 server, `make s3-server` brings one");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("bucket")).unwrap();
        // Another may take a port that was free a moment ago.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let mut child = Command::new(&program)
                .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
                .args(["--access-key", KEY, "--secret-key", SECRET])
                .arg(root.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(address).is_ok() {
                    return Some(Self {
                        address,
                        root,
                        child,
                    });
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("{} does not start", program.display());
    }

    pub fn bucket(&self) -> PathBuf {
        self.root.path().join("bucket")
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command must know to read from a server as S3.
pub fn as_s3(command: &mut Command, address: SocketAddr) -> &mut Command {
    command
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
}
