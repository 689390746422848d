//! The file of `--config`: options by their long names, in TOML. What it says is the default of an option, so a variable
//! and the command line go before it.

use core::error::Error as _;
use core::ops::Range;
use std::env;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use toml::de::{DeTable, DeValue};

use crate::failure::Failure;

/// More than anybody writes.
const MOST: u64 = 1 << 20;

/// The option that names the file.
const CONFIG: &str = "--config";

/// What a file cannot say of itself, or is asked for once.
const NOT_IN_FILES: [&str; 4] = ["config", "check", "help", "version"];

/// The variable with the folder of what systemd lets only this service read, as paths may begin.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What to do where the file does not say it.
const COMMAND: &str = "command";

/// The file that the command line names.
pub(super) fn named(arguments: &[OsString]) -> Option<PathBuf> {
    let mut words = arguments.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == CONFIG {
            return words.next().map(PathBuf::from);
        }
        let joined = word.to_str().and_then(|word| word.strip_prefix(CONFIG));
        if let Some(path) = joined.and_then(|rest| rest.strip_prefix('=')) {
            return Some(PathBuf::from(path));
        }
    }
    None
}

/// A setting, in its line.
#[derive(Debug)]
struct Setting {
    /// With hyphens.
    name: String,
    line: usize,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(String),
    Flag(bool),
    /// Of another kind, which no option has.
    Other(&'static str),
}

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "string",
            Self::Number(_) => "number",
            Self::Flag(_) => "boolean",
            Self::Other(kind) => kind,
        }
    }
}

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    settings: Vec<Setting>,
    /// Where systemd puts what only this service may read.
    credentials: Option<PathBuf>,
}

impl File {
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let mut text = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MOST).read_to_end(&mut text))
            .map_err(|error| {
                let path = path.display();
                Failure::Settings(format!("cannot read the settings in {path}: {error}"))
            })?;
        let mut file = Self::parse(path, &text)?;
        file.credentials = env::var_os(CREDENTIALS).map(PathBuf::from);
        Ok(file)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, Failure> {
        let at = |range: &Range<usize>| line_of(text, range.start);
        let text = str::from_utf8(text).map_err(|error| {
            let place = error.valid_up_to();
            fault(path, at(&(place..place)), "this is not UTF-8")
        })?;
        let table = DeTable::parse(text).map_err(|error| {
            let range = error.span().unwrap_or(0..0);
            fault(path, at(&range), error.message())
        })?;
        let mut settings: Vec<Setting> = Vec::new();
        for (key, value) in table.get_ref() {
            let name = key.get_ref().replace('_', "-");
            let line = at(&key.span());
            if let Some(other) = settings.iter().find(|setting| setting.name == name) {
                let text = format!("{name} is also in line {}", other.line);
                return Err(fault(path, line, &text));
            }
            let value = match value.get_ref() {
                DeValue::String(text) => Value::Text(text.to_string()),
                DeValue::Integer(number) => Value::Number(number.to_string()),
                DeValue::Float(number) => Value::Number(number.to_string()),
                DeValue::Boolean(is_on) => Value::Flag(*is_on),
                other => Value::Other(other.type_str()),
            };
            settings.push(Setting { name, line, value });
        }
        let path = path.to_owned();
        Ok(Self {
            path,
            settings,
            credentials: None,
        })
    }

    /// Which command it is for: what the command line says and what the file says must agree, and one is enough.
    pub(super) fn command(
        &self,
        asked: Option<&str>,
        definition: &Command,
    ) -> Result<String, Failure> {
        let all: Vec<_> = definition
            .get_subcommands()
            .map(Command::get_name)
            .collect();
        let all = all.join(" or ");
        let Some(setting) = self.settings.iter().find(|s| s.name == COMMAND) else {
            return asked.map(str::to_owned).ok_or_else(|| {
                Failure::Settings(format!(
                    "{}: it does not say what to do, and neither does the command line: add a line {COMMAND} = with {all}",
                    self.path.display()
                ))
            });
        };
        match (&setting.value, asked) {
            (Value::Text(said), Some(asked)) if said != asked => Err(self.fault(
                setting,
                &format!("this file is for {said}, and {asked} is asked for"),
            )),
            (Value::Text(said), _) if definition.find_subcommand(said).is_some() => {
                Ok(said.clone())
            }
            _ => Err(self.fault(setting, &format!("a command is {all}"))),
        }
    }

    /// Makes what it says the defaults of that command.
    pub(super) fn apply(&self, mut command: Command) -> (Command, Result<(), Failure>) {
        for setting in &self.settings {
            if setting.name == COMMAND {
                continue;
            }
            let found = self.read(&command, setting);
            let (id, value) = match found {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(failure) => return (command, Err(failure)),
            };
            command = command.mut_arg(id, |option| option.required(false).default_value(value));
        }
        (command, Ok(()))
    }

    /// The option that a setting is, and its value as on a command line. `None`: a flag that is not set.
    fn read(
        &self,
        command: &Command,
        setting: &Setting,
    ) -> Result<Option<(String, String)>, Failure> {
        let name = &setting.name;
        let Some(option) = command
            .get_arguments()
            .find(|option| is_called(option, name))
        else {
            return Err(self.unknown(command, setting));
        };
        let id = option.get_id().as_str().to_owned();
        let wants = wanted(option);
        let value = match (&setting.value, wants) {
            (Value::Flag(is_on), Wanted::Flag) => {
                return Ok(is_on.then(|| (id, "true".to_owned())));
            }
            (Value::Text(text), Wanted::Path) => self.resolve(setting, text)?,
            (Value::Text(text), Wanted::Text) => text.clone(),
            (Value::Number(number), Wanted::Number) => number.clone(),
            (value, wants) => {
                let kind = value.kind();
                let article = if kind.starts_with(['a', 'i']) {
                    "an"
                } else {
                    "a"
                };
                let text = format!("{name} is {}, and this is {article} {kind}", wants.text());
                return Err(self.fault(setting, &text));
            }
        };
        match wrong(command, option, &value) {
            Some(why) => Err(self.fault(setting, &format!("{name}: {why}"))),
            None => Ok(Some((id, value))),
        }
    }

    fn unknown(&self, command: &Command, setting: &Setting) -> Failure {
        let name = &setting.name;
        if name == "password" {
            let text = "a password does not belong into this file, which others may read: name a file with it alone by \
                        password-file";
            return self.fault(setting, text);
        }
        if NOT_IN_FILES.contains(&name.as_str()) {
            let text = format!("{name} is for the command line");
            return self.fault(setting, &text);
        }
        let known = command.get_arguments().filter_map(|option| {
            let name = option
                .get_long()
                .unwrap_or_else(|| option.get_id().as_str());
            (!NOT_IN_FILES.contains(&name)).then_some(name)
        });
        let known: Vec<_> = [COMMAND].into_iter().chain(known).collect();
        let text = format!("{name} is no setting; known are {}", known.join(", "));
        self.fault(setting, &text)
    }

    /// A path as it is meant here: it begins where this file is, or where systemd puts what only this program may read.
    fn resolve(&self, setting: &Setting, path: &str) -> Result<String, Failure> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
        let credential = path
            .strip_prefix('$')
            .and_then(|rest| rest.strip_prefix(CREDENTIALS))
            .and_then(|rest| rest.strip_prefix('/'));
        let place = match (credential, &self.credentials) {
            (None, _) => folder.join(path),
            (Some(name), Some(folder)) => folder.join(name),
            (Some(_), None) => {
                let text = "there are no credentials, as systemd sets them for a service by LoadCredential=";
                return Err(self.fault(setting, text));
            }
        };
        Ok(place.to_string_lossy().into_owned())
    }

    fn fault(&self, setting: &Setting, what: &str) -> Failure {
        fault(&self.path, setting.line, what)
    }
}

/// What kind of value an option has.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Flag,
    Number,
    Path,
    Text,
}

impl Wanted {
    const fn text(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Number => "a number without quotation marks",
            Self::Path => "the name of a file in quotation marks",
            Self::Text => "a text in quotation marks",
        }
    }
}

/// As its help says it.
fn wanted(option: &Arg) -> Wanted {
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return Wanted::Flag;
    }
    let name = option.get_value_names().and_then(<[_]>::first);
    match name.map(|name| name.as_str()) {
        Some("N" | "SECONDS" | "BYTES") => Wanted::Number,
        Some("FILE" | "DIR") => Wanted::Path,
        _ => Wanted::Text,
    }
}

fn is_called(option: &Arg, name: &str) -> bool {
    if NOT_IN_FILES.contains(&name) {
        return false;
    }
    match option.get_long() {
        Some(long) => long == name,
        None => option.get_id().as_str() == name,
    }
}

/// What is wrong with a value, if anything is: the option is read alone, as from a command line.
fn wrong(command: &Command, option: &Arg, value: &str) -> Option<String> {
    let words = match option.get_long() {
        Some(long) => vec![String::new(), format!("--{long}={value}")],
        None => vec![String::new(), "--".to_owned(), value.to_owned()],
    };
    let error = command.clone().try_get_matches_from(words).err()?;
    let is_value = matches!(
        error.kind(),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation
    );
    // A variable that is wrong is told when the command line is read.
    let is_this = match error.get(ContextKind::InvalidArg) {
        // `--name <VALUE>`, or `<VALUE>`.
        Some(ContextValue::String(shown)) => {
            let shown = shown.split(' ').next().unwrap_or_default();
            shown.strip_prefix("--") == option.get_long()
        }
        _ => false,
    };
    (is_value && is_this).then(|| match error.source() {
        Some(why) => why.to_string(),
        None => format!("{value:?} cannot be"),
    })
}

fn fault(path: &Path, line: usize, what: &str) -> Failure {
    Failure::Settings(format!("{}, line {line}: {what}", path.display()))
}

/// The number of the line in which this byte is.
fn line_of(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    1 + before.iter().filter(|octet| **octet == b'\n').count()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::options::{Bridge, Command as Asked, Shared};

    /// As a program is started whose file says this.
    fn read(text: &str, line: &str) -> Result<Asked, Failure> {
        let file = File::parse(Path::new("/etc/x/north.toml"), text.as_bytes())?;
        let definition = Bridge::command();
        let command = file.command(None, &definition)?;
        let mut applied = Ok(());
        let definition = definition.mut_subcommand(&command, |command| {
            let (command, done) = file.apply(command);
            applied = done;
            command
        });
        applied?;
        definition.clone().debug_assert();
        let words = ["x", &command].into_iter().chain(line.split_whitespace());
        let wrong = |error: clap::Error| Failure::Settings(error.to_string());
        let matches = definition.try_get_matches_from(words).map_err(wrong)?;
        let bridge: Bridge = clap::FromArgMatches::from_arg_matches(&matches).map_err(wrong)?;
        bridge.command.shared().verify()?;
        Ok(bridge.command)
    }

    const WHOLE: &str = r#"
command = "tunnel"
broker = "mqtts://broker.example"
site = "north"   # of two
group = "239.1.2.9:7"
ca = "ca.pem"
cert = "/elsewhere/cert.pem"
key = "key.pem"
username = "north"
password_file = "north.password"
members = 64
timeout = 2.5
insecure = true
json = false
metrics = "127.0.0.1:9464"
"#;

    #[test]
    fn a_file_says_what_the_command_line_does_not() {
        let command = read(WHOLE, "--site south --timeout 7").unwrap();
        let Asked::Tunnel(tunnel) = &command else {
            panic!("{command:?}");
        };
        let Shared {
            broker,
            site,
            group,
            ca,
            cert,
            username,
            password_file,
            timeout,
            insecure,
            operator,
            hop_limit,
            ..
        } = &tunnel.shared;
        assert_eq!(broker.to_string(), "mqtts://broker.example:8883");
        assert_eq!(site.as_str(), "south");
        assert_eq!(group, "239.1.2.9:7");
        // Where the file is.
        assert_eq!(ca.as_deref(), Some(Path::new("/etc/x/ca.pem")));
        assert_eq!(cert.as_deref(), Some(Path::new("/elsewhere/cert.pem")));
        assert_eq!(username.as_deref(), Some("north"));
        assert_eq!(
            password_file.as_deref(),
            Some(Path::new("/etc/x/north.password"))
        );
        assert_eq!(timeout.map(|time| time.as_millis()), Some(7_000));
        assert!(insecure & !operator.json && operator.metrics.is_some());
        assert_eq!((tunnel.members, *hop_limit), (64, 1));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let base = "command = \"tunnel\"\nsite = \"a\"\n";
        for (line, what) in [
            (
                "sit = \"b\"",
                "line 3: sit is no setting; known are command, members, broker, site",
            ),
            ("site_ = \"b\"", "line 3: site- is no setting"),
            ("password = \"x\"", "line 3: a password does not belong"),
            ("check = true", "line 3: check is for the command line"),
            ("config = \"x\"", "line 3: config is for the command line"),
            (
                "broker = 7",
                "line 3: broker is a text in quotation marks, and this is a number",
            ),
            ("broker = \"x\"", "line 3: broker: a broker is mqtts://"),
            (
                "members = \"7\"",
                "line 3: members is a number without quotation marks",
            ),
            ("members = 0", "line 3: members: 0 is not in 1..=100000"),
            ("members = 1.5", "line 3: members:"),
            ("json = 1", "line 3: json is true or false"),
            (
                "ca = [\"x\"]",
                "line 3: ca is the name of a file in quotation marks, and this is an array",
            ),
            ("timeout = -1", "line 3: timeout: a time is"),
            ("hop-limit = 1\nhop_limit = 2", "hop-limit is also in line"),
            (
                "ca = \"$CREDENTIALS_DIRECTORY/x\"",
                "line 3: there are no credentials",
            ),
            ("x y", "line 3: "),
            ("[site2]", "line 3: site2 is no setting"),
            ("command = \"tunnel\"", "line 3: "),
        ] {
            let failure = read(&format!("{base}{line}"), "mqtt://x").unwrap_err();
            assert!(failure.to_string().contains(what), "{line}: {failure}");
            assert!(
                failure.to_string().starts_with("/etc/x/north.toml, "),
                "{failure}"
            );
        }
        let failure = File::parse(Path::new("x"), b"\n\xff").unwrap_err();
        assert!(failure.to_string().contains("line 2: this is not UTF-8"));
    }

    #[test]
    fn what_systemd_lets_only_the_service_read_is_found() {
        let text = b"password-file = \"$CREDENTIALS_DIRECTORY/password\"";
        let mut file = File::parse(Path::new("x.toml"), text).unwrap();
        file.credentials = Some("/run/credentials/x".into());
        let found = file.resolve(&file.settings[0], "$CREDENTIALS_DIRECTORY/password");
        assert_eq!(found.unwrap(), "/run/credentials/x/password");
        let found = file.resolve(&file.settings[0], "$CREDENTIALS");
        assert_eq!(found.unwrap(), "$CREDENTIALS");
    }

    #[test]
    fn the_example_of_the_documentation_is_a_file_as_it_should_be() {
        let text = include_str!("../../../../BRIDGE.md");
        let (_, rest) = text.split_once("```toml\n# /etc/").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let example = format!("# /etc/{example}");
        let example = example.replace("$CREDENTIALS_DIRECTORY/", "");
        let Asked::Tunnel(tunnel) = read(&example, "").unwrap() else {
            panic!("the example is another's");
        };
        assert_eq!(tunnel.shared.site.as_str(), "north");
        assert!(tunnel.shared.operator.json);
    }

    #[test]
    fn what_a_file_leaves_out_is_still_asked_for() {
        let failure = read("command = \"tunnel\"\nsite = \"a\"", "").unwrap_err();
        assert!(failure.to_string().contains("<BROKER>"), "{failure}");
        let failure = read(
            "command = \"tunnel\"\nsite = \"a\"\nkey = \"x\"",
            "mqtt://x",
        );
        assert!(failure.unwrap_err().to_string().contains("--cert"));
        for (text, what) in [
            ("site = \"a\"", "does not say what to do"),
            ("command = \"bridge\"", "line 1: a command is tunnel"),
            ("command = 1", "line 1: a command is tunnel"),
        ] {
            let failure = read(text, "mqtt://x").unwrap_err();
            assert!(failure.to_string().contains(what), "{failure}");
        }
        let file = File::parse(Path::new("x"), b"command = \"other\"").unwrap();
        let failure = file
            .command(Some("tunnel"), &Bridge::command())
            .unwrap_err();
        assert!(
            failure
                .to_string()
                .contains("is for other, and tunnel is asked for")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_file_or_told(
            name in "[a-z_-]{0,12}|site|members|json|ca|broker|timeout|command",
            value in r#"[0-9.eE+_-]{0,6}|true|false|"[a-z:/$0-9.]{0,20}"|\[\]|.{0,12}"#
        ) {
            let base = "command = \"tunnel\"\nsite = \"a\"\n";
            for text in [format!("{name} = {value}"), format!("{base}{name} = {value}")] {
                let _ = read(&text, "mqtt://x");
            }
        }
    }

    #[test]
    fn the_file_is_found_on_the_command_line() {
        let in_line = |line: &str| named(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(in_line("x tunnel --config a.toml"), Some("a.toml".into()));
        assert_eq!(in_line("x --config=b --site c"), Some("b".into()));
        assert_eq!(in_line("x tunnel -- --config b"), None);
        assert_eq!(in_line("x tunnel --config"), None);
        assert_eq!(in_line("--config a"), None);
    }
}
