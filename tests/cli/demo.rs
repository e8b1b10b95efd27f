//! `make demo` where there is no network; where there is one it is tried by hand.

use std::process::Command;

#[test]
fn the_demo_goes_on_without_a_network() {
    let here = tempfile::tempdir().unwrap();
    let run = || {
        let output = Command::new("tests/demo/run.sh")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("SPANQL", env!("CARGO_BIN_EXE_spanql"))
            .env("DEMO_FOLDER", here.path())
            .env("PIP_NO_INDEX", "1")
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
        assert!(stderr.contains("could not fetch the texts"), "{stderr}");
        stdout
    };
    let shown = run();
    for words in [
        "No network: the demo goes on with the small texts of tests/data.",
        "{\"domain\": ",
        "report entities_by_day --store",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let reports = here.path().join("reports/top_domains.json");
    let rows: serde_json::Value = serde_json::from_slice(&std::fs::read(reports).unwrap()).unwrap();
    assert!(!rows.as_array().unwrap().is_empty());
    // What is there is skipped the second time.
    assert!(run().contains("{\"domain\": "));
}
