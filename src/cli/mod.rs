//! The command line: arguments, settings, rendering, exit codes.

mod args;
mod command;
mod config_file;
mod exit;
mod progress_bar;
mod render;
mod settings;
mod watch_table;
mod world;

use clap::error::{ContextValue, ErrorKind};
use clap::{Arg, CommandFactory as _, FromArgMatches as _};

use self::args::{Args, Command};
pub use self::exit::Exit;
use self::render::visible;

/// Parses the arguments of this process, runs the command, and gives its exit code.
#[must_use]
pub fn run() -> Exit {
    let args = match parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are answers; all else is a mistake of usage.
            let exit = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Ok,
                _ => Exit::Usage,
            };
            print(&error);
            return exit;
        }
    };
    args.global.color.write_global();
    let result = match &args.command {
        Command::Verify(verify) => command::verify::run(&args.global, verify),
        Command::Audit(audit) => command::audit::run(&args.global, audit),
        Command::Mirror(mirror) => command::mirror::run(&args.global, mirror),
        Command::List(list) => command::list::run(&args.global, list),
        Command::Show(show) => command::show::run(&args.global, show),
        Command::Gate(gate) => command::gate::run(&args.global, gate),
        Command::Lookup(lookup) => command::lookup::run(&args.global, lookup),
        Command::Heads(heads) => command::heads::run(&args.global, heads),
        Command::Evidence(evidence) => command::evidence::run(&args.global, evidence),
        Command::Pin(pin) => command::pin::run(&args.global, pin),
        Command::Findings(findings) => command::findings::run(&args.global, findings),
        Command::Watch(watch) => command::watch::run(&args.global, watch),
        Command::Status(status) => command::status::run(&args.global, status),
        Command::Env(env) => command::env::run(&args.global, env),
        Command::Completions(completions) => command::completions::run(completions),
    };
    result.unwrap_or_else(|error| {
        render::error(&error);
        Exit::Usage
    })
}

fn parse() -> Result<Args, clap::Error> {
    let command = Args::command()
        .mut_args(without_empty_variable)
        .mut_subcommands(|command| command.mut_args(without_empty_variable));
    Args::from_arg_matches(&command.try_get_matches()?)
}

/// As clap does, unless it would repeat an argument that a terminal or a CI log obeys: a hostile
/// file name gets there by `sumcheck verify *`.
fn print(error: &clap::Error) {
    let is_harmless = |text: &String| visible(text) == text.as_str();
    let all_harmless = error.context().all(|(_, value)| match value {
        ContextValue::String(text) => is_harmless(text),
        ContextValue::Strings(texts) => texts.iter().all(is_harmless),
        _ => true,
    });
    if all_harmless {
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        render::error_line(text.trim_start_matches("error: ").trim_end());
    }
}

/// An empty variable is one that is not set, as it is to Go: pipelines know no other way to unset.
fn without_empty_variable(arg: Arg) -> Arg {
    let value = arg.get_env().and_then(std::env::var_os);
    if value.is_some_and(|value| value.is_empty()) {
        arg.env(None::<&str>)
    } else {
        arg
    }
}
