//! Asks x/mod many questions at once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::interop::interop;

/// The answers to all requests, in order. `None`, and said aloud, without a go command.
pub(crate) fn ask(requests: &[Value]) -> Option<Vec<Value>> {
    let mut child = Command::new(interop()?)
        .arg("oracle")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = requests
        .iter()
        .map(|request| format!("{request}\n"))
        .collect();
    // The oracle answers at once: nobody may wait for it to have read everything.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let answers: Vec<Value> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), requests.len());
    for (request, answer) in requests.iter().zip(&answers) {
        let asked = answer.get("refused").is_none() && answer.get("panic").is_none();
        assert!(asked, "x/mod gave no verdict: {request}: {answer}");
    }
    Some(answers)
}
