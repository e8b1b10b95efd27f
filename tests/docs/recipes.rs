//! The recipes of `queries/README.md` for those who call `spanql report --due`: each is well-formed, and calls what there is.

use std::collections::BTreeMap;

use clap::ArgMatches;
use spanql::report::Schedule;

use super::{Block, blocks, shell_words};

const PAGE: &str = "queries/README.md";

fn recipes(language: &str) -> Vec<Block> {
    let blocks = blocks(PAGE).into_iter();
    blocks.filter(|block| block.language == language).collect()
}

/// The arguments of a command line that must be one of due reports with all that they need.
fn due(words: &[String]) -> ArgMatches {
    let line = spanql::cli::command().try_get_matches_from(words);
    let line = line.unwrap_or_else(|e| panic!("{words:?}: {e}"));
    let (name, args) = line.subcommand().unwrap();
    assert_eq!(name, "report", "{words:?}");
    assert!(args.get_flag("due"), "{words:?}");
    for needed in ["store", "queries", "output"] {
        assert!(args.contains_id(needed), "{words:?} has no --{needed}");
    }
    args.clone()
}

/// A command line as a shell takes it apart; a program by its path, since cron and systemd look nowhere.
fn program(command: &str) -> Vec<String> {
    let command = command
        .strip_prefix("/usr/local/bin/")
        .expect("a program's path");
    let [words] = &shell_words(command)[..] else {
        panic!("{command}: not one command");
    };
    [&["spanql".to_string()], &words[..]].concat()
}

#[test]
fn the_crontab_is_one() {
    let [block] = &recipes("crontab")[..] else {
        panic!("one crontab");
    };
    for line in block.text.lines() {
        assert!(!line.contains('%'), "cron makes a new line of it: {line}");
        let mut words = line.splitn(6, ' ');
        let fields: Vec<&str> = words.by_ref().take(5).collect();
        let schedule: Result<Schedule, String> = fields.join(" ").parse();
        schedule.unwrap_or_else(|e| panic!("{line}: {e}"));
        due(&program(words.next().unwrap()));
    }
}

/// `[section]` → `key` → value; keys of one section are there once.
fn unit(text: &str) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let mut sections: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    let mut section = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('[') {
            Some(name) => section = Some(name.strip_suffix(']').expect("a section")),
            None => {
                let (key, value) = line.split_once('=').expect("key=value");
                let keys = sections
                    .entry(section.expect("a section first"))
                    .or_default();
                assert_eq!(keys.insert(key, value), None, "{key} twice");
            }
        }
    }
    sections
}

#[test]
fn the_systemd_units_are_units() {
    let [service, timer] = &recipes("ini")[..] else {
        panic!("a service and its timer");
    };
    let (service, timer) = (unit(&service.text), unit(&timer.text));
    assert_eq!(service.keys().collect::<Vec<_>>(), [&"Service", &"Unit"]);
    let keys = &service["Service"];
    assert_eq!(
        keys.keys().collect::<Vec<_>>(),
        [&"ExecStart", &"SuccessExitStatus", &"Type"]
    );
    assert_eq!((keys["Type"], keys["SuccessExitStatus"]), ("oneshot", "75"));
    due(&program(keys["ExecStart"]));

    assert_eq!(
        timer.keys().collect::<Vec<_>>(),
        [&"Install", &"Timer", &"Unit"]
    );
    assert_eq!(
        timer["Install"],
        BTreeMap::from([("WantedBy", "timers.target")])
    );
    let keys = &timer["Timer"];
    assert_eq!(
        keys.keys().collect::<Vec<_>>(),
        [&"AccuracySec", &"OnCalendar"]
    );
    // HOUR:MINUTE/STEP, as systemd.time(7) has it.
    let step = keys["OnCalendar"]
        .strip_prefix("*:0/")
        .expect("every so many minutes");
    assert!((1..60).contains(&step.parse::<u32>().unwrap()));
}

#[test]
fn the_cronjob_is_one() {
    let [block] = &recipes("yaml")[..] else {
        panic!("one manifest");
    };
    let mut values = BTreeMap::new();
    let mut deepest = 0;
    for line in block.text.lines() {
        let indented = line.trim_start();
        let depth = line.len() - indented.len();
        assert!(
            depth % 2 == 0 && depth <= deepest + 2 && !line.contains('\t'),
            "{line}"
        );
        // What stands in a list item is two deeper.
        deepest = depth + if indented.starts_with("- ") { 2 } else { 0 };
        let (key, value) = indented
            .trim_start_matches("- ")
            .split_once(':')
            .expect("a key");
        values.insert(key, value.trim());
    }
    for (key, value) in [
        ("apiVersion", "batch/v1"),
        ("kind", "CronJob"),
        ("concurrencyPolicy", "Forbid"),
        ("restartPolicy", "Never"),
        ("backoffLimit", "0"),
    ] {
        assert_eq!(values[key], value, "{key}");
    }
    let schedule = values["schedule"].trim_matches('"').parse::<Schedule>();
    schedule.unwrap_or_else(|e| panic!("{e}"));
    let words: Vec<String> = serde_json::from_str(values["command"]).unwrap();
    due(&words);
}
