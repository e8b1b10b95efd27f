//! `spanql shell`: scripts through pipes, and a person at a terminal.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::{fails, spanql, stored};

/// Runs a script from stdin.
fn script(folder: &Path, args: &[&str], text: impl AsRef<[u8]>) -> Output {
    let mut child = spanql(folder)
        .arg("shell")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A script that fails early need not have been read to its end.
    let _ = child.stdin.take().unwrap().write_all(text.as_ref());
    child.wait_with_output().unwrap()
}

/// stdout of a script that must succeed without a word on stderr.
fn gives(folder: &Path, args: &[&str], text: &str) -> String {
    let output = script(folder, args, text);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

const NDJSON: [&str; 2] = ["--format", "ndjson"];

#[test]
fn statements_run_in_turn_and_the_last_needs_no_semicolon() {
    let here = tempfile::tempdir().unwrap();
    let text = "\u{feff}SELECT 1 AS a; SELECT ';''\n' AS b; -- it's; one\r\n\nSELECT $$;$$ AS c\n;\nSELECT 4 AS d";
    assert_eq!(
        gives(here.path(), &NDJSON, text),
        "{\"a\":1}\n{\"b\":\";'\\n\"}\n{\"c\":\";\"}\n{\"d\":4}\n"
    );
    assert_eq!(gives(here.path(), &[], ""), "");
    assert_eq!(
        gives(here.path(), &[], "SELECT 1 AS a;"),
        "[\n{\"a\":1}\n]\n"
    );
}

#[test]
fn results_come_before_the_script_ends() {
    let here = tempfile::tempdir().unwrap();
    let mut child = spanql(here.path())
        .args(["shell", "--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 1..=3 {
        writeln!(stdin, "SELECT {n} AS n;").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("{{\"n\":{n}}}"));
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_first_failure_ends_the_script_and_is_told_with_its_line() {
    let here = tempfile::tempdir().unwrap();
    for (text, line, part) in [
        ("SELECT 1 AS a;\n\nSELECT\nnope;\nSELECT 2 AS b;", 3, "nope"),
        ("SELECT 1 AS a;\nSELEC 1;", 2, "SELEC"),
        ("SELECT 1 AS a;\nSELECT 'open;\n", 2, "nterminated"),
        (
            "SELECT 1 AS a;\nSELECT extract_entities('x', 'EMIAL');",
            2,
            "EMIAL",
        ),
        ("SELECT 1 AS a;\nCOPY (SELECT 1) TO 'x.csv';", 2, "COPY"),
        ("SELECT 1 AS a;\n\\nosuch\nSELECT 2 AS b;", 2, "\\nosuch"),
        ("SELECT 1 AS a;\n\\d nosuch", 2, "nosuch"),
        ("SELECT 1 AS a;\n\\format parquet", 2, "\\o FILE"),
        ("SELECT 1 AS a;\n\\i absent.sql", 2, "absent.sql"),
        (
            "SELECT 1 AS a; \\r top_domains top=many\nSELECT 2 AS b;",
            1,
            "many",
        ),
    ] {
        let output = script(here.path(), &NDJSON, text);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}: {stderr}");
        assert_eq!(output.stdout, b"{\"a\":1}\n", "{text}");
        assert!(
            stderr.starts_with(&format!("error: line {line}: ")) && stderr.contains(part),
            "{text}: {stderr}"
        );
    }
    let output = script(here.path(), &NDJSON, b"SELECT 1 AS a;\nSELECT '\xff';");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: stdin: "));
    assert!(fails(here.path(), 2, &["shell", "--format", "parquet"]).contains("vertical"));
    assert!(fails(here.path(), 1, &["shell", "--store", "absent"]).contains("spanql ingest"));
}

#[test]
fn what_there_is_is_listed() {
    let text =
        "CREATE VIEW mine AS SELECT 1 AS x;\n\\d\n\\d mine\n\\d entities\n\\l\n\\r\n\\df ENTIT";
    let listed = gives(stored(), &["--store", "store", "--format", "csv"], text);
    for line in [
        "entities,view",
        "mine,view",
        "x,Int64,NO",
        "span_start,Int32,NO",
        "EMAIL,email",
        "top_domains,\"Which domains are named most, in e-mail addresses and links?\",top int = 20 (how many domains)",
    ] {
        assert!(listed.lines().any(|l| l == line), "{line}\n{listed}");
    }
    assert!(!listed.contains("information_schema"), "{listed}");
    assert!(
        listed.contains("entity_values,scalar,\"entity_values(text, 'EMAIL')\","),
        "{listed}"
    );
    let help = gives(stored(), &[], "\\?");
    assert!(help.contains("\\timing"), "{help}");
}

#[test]
fn reports_run_with_parameters_and_own_ones_are_there() {
    let here = tempfile::tempdir().unwrap();
    fs::create_dir(here.path().join("queries")).unwrap();
    fs::write(
        here.path().join("queries/mine.sql"),
        "-- question: Mine?\n-- param: word text\n-- column: w  the word\nSELECT $word AS w",
    )
    .unwrap();
    let args = ["--queries", "queries", "--format", "ndjson"];
    assert_eq!(
        gives(here.path(), &args, "\\r mine word='灯 鱼'"),
        "{\"w\":\"灯 鱼\"}\n"
    );
    let store = ["--store", "store", "--format", "ndjson"];
    let domains = gives(stored(), &store, "\\r top_domains top=2");
    assert_eq!(domains.lines().count(), 2, "{domains}");
}

#[test]
fn formats_and_files() {
    let here = tempfile::tempdir().unwrap();
    let text = "\\x\nSELECT 1 AS a; \\x off\n\\format csv\nSELECT 2 AS a;\n\\o 'out file.ndjson'\n\
                SELECT bad;";
    let output = script(here.path(), &["--format", "table"], text);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "-[ 1 ]----------------------------------\na | 1\n1 row\na\n2\n"
    );
    assert!(!here.path().join("out file.ndjson").exists());
    let text = "\\o 'out file.ndjson'\nCREATE VIEW v AS SELECT 3 AS a;\nSELECT * FROM v;\nSELECT 4 AS a;\n\
                \\o never.csv\n\\o\nSELECT 5 AS a;";
    assert_eq!(gives(here.path(), &NDJSON, text), "{\"a\":4}\n{\"a\":5}\n");
    let written = fs::read_to_string(here.path().join("out file.ndjson")).unwrap();
    assert_eq!(written, "{\"a\":3}\n");
    assert!(!here.path().join("never.csv").exists());
}

#[test]
fn timing_is_told_on_stderr() {
    let here = tempfile::tempdir().unwrap();
    let output = script(
        here.path(),
        &NDJSON,
        "SELECT 1 AS a;\n\\timing\nSELECT 2 AS a;",
    );
    assert_eq!(output.stdout, b"{\"a\":1}\n{\"a\":2}\n");
    let told = String::from_utf8(output.stderr).unwrap();
    let seconds = told.strip_suffix(" s\n").unwrap();
    assert!(seconds.parse::<f64>().is_ok(), "{told}");
}

#[test]
fn scripts_include_scripts() {
    let here = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(here.path().join(name), text).unwrap();
    write(
        "one.sql",
        "SELECT 1 AS a;\n\\i two.sql\n\\q\nSELECT 3 AS a;",
    );
    write("two.sql", "SELECT 2 AS a");
    write("bad.sql", "SELECT 1 AS a;\n\n\\i worse.sql\nSELECT 3 AS a;");
    write("worse.sql", "\nSELECT nope;");
    write("self.sql", "\\i self.sql");
    // `\q` ends the script it stands in.
    assert_eq!(
        gives(here.path(), &NDJSON, "\\i one.sql\nSELECT 4 AS a;"),
        "{\"a\":1}\n{\"a\":2}\n{\"a\":4}\n"
    );
    let told = |text: &str| {
        let output = script(here.path(), &NDJSON, text);
        assert_eq!(output.status.code(), Some(1));
        let out = String::from_utf8(output.stdout).unwrap();
        (out, String::from_utf8(output.stderr).unwrap())
    };
    let (out, error) = told("\\i bad.sql\nSELECT 4 AS a;");
    assert_eq!(out, "{\"a\":1}\n");
    assert!(error.starts_with("error: worse.sql:2: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        told("\\i self.sql")
            .1
            .contains("self.sql:1: self.sql: scripts include each other")
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_script_that_runs_or_waits() {
    let here = tempfile::tempdir().unwrap();
    for endless in ["SELECT value FROM generate_series(2, 100000000000);\n", ""] {
        let mut child = spanql(here.path())
            .args(["shell", "--format", "ndjson"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        write!(stdin, "SELECT 1 AS value;\n{endless}").unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        if !endless.is_empty() {
            out.read_line(&mut line).unwrap();
        }
        let kill = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        // Read on, so that no write keeps it.
        std::io::copy(&mut out, &mut std::io::sink()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{endless:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        drop(stdin);
    }
}

#[cfg(unix)]
mod terminal {
    //! Behind a pseudo-terminal, which Python makes: what is shown is read, and keys are sent when it is there.

    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Child, ChildStdin, Command, Stdio};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use crate::{PTY, stored};

    /// How long to wait for what must come; no more than a way out of a hang.
    const PATIENCE: Duration = Duration::from_secs(60);

    const CTRL_C: &str = "\x03";
    const CTRL_D: &str = "\x04";
    const UP: &str = "\x1b[A";

    struct Terminal {
        child: Child,
        keys: ChildStdin,
        shown: Receiver<Vec<u8>>,
        /// What was shown since the last expectation.
        text: String,
    }

    impl Terminal {
        fn open(state: &Path, pager: &str, args: &str) -> Self {
            let command = format!(
                "stty rows 12 cols 80; exec '{}' shell --store store {args}",
                env!("CARGO_BIN_EXE_spanql")
            );
            let mut child = Command::new("python3")
                .args(["-c", PTY, "sh", "-c", &command])
                .current_dir(stored())
                .env("XDG_STATE_HOME", state)
                .env("TERM", "xterm")
                .env("PAGER", pager)
                .env_remove("RUST_LOG")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (sender, shown) = channel();
            let mut out = child.stdout.take().unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = out.read(&mut bytes) {
                    if sender.send(bytes[..n].to_vec()).is_err() {
                        break;
                    }
                }
            });
            let keys = child.stdin.take().unwrap();
            let mut terminal = Self {
                child,
                keys,
                shown,
                text: String::new(),
            };
            terminal.expect("spanql> ");
            terminal
        }

        /// Waits until `wanted` is shown, and forgets what was shown up to there.
        fn expect(&mut self, wanted: &str) {
            loop {
                if let Some(at) = self.text.find(wanted) {
                    self.text.drain(..at + wanted.len());
                    return;
                }
                match self.shown.recv_timeout(PATIENCE) {
                    Ok(bytes) => self.text += &String::from_utf8_lossy(&bytes),
                    Err(error) => panic!("{error}: no {wanted:?} in {:?}", self.text),
                }
            }
        }

        fn press(&mut self, keys: &str) {
            self.keys.write_all(keys.as_bytes()).unwrap();
            self.keys.flush().unwrap();
        }

        /// Types a line at the prompt.
        fn enter(&mut self, line: &str) {
            self.press(line);
            self.press("\r");
        }

        /// Leaves by these keys, which are pressed at a prompt.
        fn close(mut self, keys: &str) {
            self.press(keys);
            while let Ok(bytes) = self.shown.recv_timeout(PATIENCE) {
                self.text += &String::from_utf8_lossy(&bytes);
            }
            assert_eq!(
                self.child.wait().unwrap().code(),
                Some(0),
                "{:?}",
                self.text
            );
        }
    }

    impl Drop for Terminal {
        /// A test that failed leaves no shell behind: with Python goes the terminal.
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[test]
    fn tab_completes_tables_and_labels() {
        let state = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open(state.path(), "", "");
        terminal.press("SELECT count(*) AS n FROM ent\t");
        terminal.expect("FROM entities");
        terminal.press(" WHERE label = 'em\t");
        terminal.expect("'EMAIL");
        terminal.enter("';");
        terminal.expect("1 row");
        terminal.expect("spanql> ");
        terminal.press("SELECT extract_entities(text, 'EMAIL,ph\t");
        terminal.expect("EMAIL,PHONE");
        terminal.press(CTRL_C);
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
    }

    #[test]
    fn a_statement_takes_several_lines_and_ctrl_c_clears_them() {
        let state = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open(state.path(), "", "");
        terminal.enter("SELECT '邮箱");
        terminal.expect("     '> ");
        terminal.enter("地址' AS a,");
        terminal.expect("     -> ");
        terminal.press(CTRL_C);
        terminal.expect("spanql> ");
        terminal.enter("\\timing");
        terminal.expect("timing is on");
        terminal.expect("spanql> ");
        terminal.enter("SELECT 'two' AS word;");
        terminal.expect("| two  |");
        terminal.expect("1 row\r\n0.");
        terminal.expect(" s\r\n");
        terminal.expect("spanql> ");
        // A mistake ends nothing.
        terminal.enter("SELECT nope;");
        terminal.expect("error: ");
        terminal.expect("spanql> ");
        terminal.close("quit\r");
    }

    #[test]
    fn ctrl_c_stops_a_query_and_leaves_the_shell() {
        let state = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open(state.path(), "", "--format ndjson");
        terminal.enter("SELECT value FROM generate_series(1, 100000000000);");
        terminal.expect("{\"value\":100}");
        terminal.press(CTRL_C);
        terminal.expect("error: interrupted");
        terminal.expect("spanql> ");
        // One whose first result never comes, in an operator that does not pause.
        terminal.enter(
            "SELECT max(a.value * b.value) AS m FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b;",
        );
        // Now the terminal is no longer the editor's, where Ctrl-C is a key.
        terminal.expect("b;");
        terminal.expect("\r\n");
        terminal.press(CTRL_C);
        terminal.expect("error: interrupted");
        terminal.expect("spanql> ");
        terminal.enter("SELECT 'still' AS here;");
        terminal.expect("{\"here\":\"still\"}");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
    }

    #[test]
    fn history_is_recalled_in_the_next_session_and_is_private() {
        let state = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open(state.path(), "", "");
        terminal.enter("SELECT 'secret");
        terminal.expect("'> ");
        terminal.enter("lines' AS a;");
        terminal.expect("1 row");
        terminal.expect("spanql> ");
        terminal.enter(" SELECT 'unkept' AS a;");
        terminal.expect("1 row");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
        let file = state.path().join("spanql/history");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let kept = fs::read_to_string(&file).unwrap();
        assert!(
            kept.contains("secret\\nlines") && !kept.contains("unkept"),
            "{kept}"
        );

        let mut terminal = Terminal::open(state.path(), "", "");
        terminal.press(UP);
        terminal.expect("lines' AS a;");
        terminal.press("\r");
        terminal.expect("secret\\nlines");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);

        let mut terminal = Terminal::open(state.path(), "", "--no-history");
        terminal.press(UP);
        terminal.enter("SELECT 'fresh' AS a;");
        terminal.expect("| fresh |");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
        assert_eq!(fs::read_to_string(&file).unwrap(), kept);

        // Where it cannot be kept, that is no reason not to work.
        let blocked = state.path().join("spanql/history");
        let mut terminal = Terminal::open(&blocked, "", "");
        terminal.enter("SELECT 'works' AS a;");
        terminal.expect("| works |");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
    }

    #[test]
    fn what_does_not_fit_goes_through_the_pager() {
        let many = "SELECT value FROM generate_series(1, 50);";
        let state = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open(state.path(), "sed 's/^/paged /'", "");
        terminal.enter("SELECT 'short' AS a;");
        terminal.expect("\n| short |");
        terminal.expect("spanql> ");
        terminal.enter(many);
        terminal.expect("paged |    50 |");
        terminal.expect("paged 50 rows");
        terminal.expect("spanql> ");
        terminal.enter("SELECT repeat('宽', 30) AS a, repeat('b', 50) AS b;");
        terminal.expect("paged +-");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);

        // One that reads a line and leaves ends the query.
        let mut terminal = Terminal::open(state.path(), "sed 's/^/first /; q'", "--format ndjson");
        terminal.enter("SELECT value FROM generate_series(1, 100000000000);");
        terminal.expect("first {\"value\":1}");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);

        let mut terminal = Terminal::open(state.path(), "nosuchpager -x", "");
        terminal.enter(many);
        terminal.expect("nosuchpager -x: ");
        terminal.expect("|    50 |");
        terminal.expect("50 rows");
        terminal.expect("spanql> ");
        terminal.close(CTRL_D);
    }
}
