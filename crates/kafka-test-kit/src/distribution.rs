//! Where the broker's program comes from.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use test_kit::package_cache::fetched_once;
use tokio::sync::OnceCell;

use super::class_archive::class_archive;

pub(super) const KAFKA_VERSION: &str = "4.1.0";
/// The version that Kafka itself is built with: another one does not fit its interface.
const SLF4J_VERSION: &str = "1.7.36";
const JAVA_VERSION_MIN: u32 = 17;
const MISSING: &str = "no Kafka for the tests: install a Java 17 JDK and Maven \
    (Debian: apt-get install openjdk-17-jdk-headless maven), or Docker, \
    or name a broker in KAFKA_BOOTSTRAP_SERVERS_TEST";

/// What a broker is started from.
#[derive(Debug, Clone)]
pub(super) enum Distribution {
    /// Java on this machine, with this class path, and what it knows of the classes there.
    Java {
        class_path: String,
        class_archive: PathBuf,
    },
    /// A container of this image.
    Docker { image: String },
}

impl Distribution {
    /// Finds one, once a process, and fetches its jars if they are not there yet; this may take a minute.
    pub(super) async fn find() -> Result<&'static Self> {
        static FOUND: OnceCell<Distribution> = OnceCell::const_new();
        let look = async || tokio::task::spawn_blocking(Self::look).await?;
        FOUND.get_or_try_init(look).await
    }

    fn look() -> Result<Self> {
        match Self::java() {
            Ok(java) => Ok(java),
            Err(_) if succeeds(Command::new("docker").arg("info")) => Ok(Self::Docker {
                image: format!("apache/kafka:{KAFKA_VERSION}"),
            }),
            Err(error) => Err(error.context(MISSING)),
        }
    }

    fn java() -> Result<Self> {
        let java = java_version()?;
        let class_path = class_path(&jars()?)?;
        Ok(Self::Java {
            class_archive: class_archive(&java, &class_path)?,
            class_path,
        })
    }
}

/// The jars of a folder one by one: what is known of classes holds for them in this order.
fn class_path(folder: &Path) -> Result<String> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path().display().to_string()));
    let mut jars = entries.collect::<Result<Vec<_>>>()?;
    jars.sort();
    Ok(jars.join(":"))
}

/// The partition of each key among `partitions`, as Kafka's Java client computes it.
///
/// # Errors
/// Without a Java 17 JDK and the jars: a container image has no compiler.
pub fn java_client_partitions(keys: &[String], partitions: usize) -> Result<Vec<i32>> {
    const PROGRAM: &str = "
        import org.apache.kafka.common.utils.Utils;
        public class Partitions {
            public static void main(String[] args) throws Exception {
                int partitions = Integer.parseInt(args[0]);
                for (String key : new String(System.in.readAllBytes(), \"UTF-8\").split(\"\\n\")) {
                    int hash = Utils.murmur2(key.getBytes(\"UTF-8\"));
                    System.out.println(Utils.toPositive(hash) % partitions);
                }
            }
        }";
    java_version().context(MISSING)?;
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("Partitions.java");
    fs::write(&program, PROGRAM)?;
    let mut java = Command::new("java")
        .arg("-cp")
        .arg(jars().context(MISSING)?.join("*"))
        .arg(program)
        .arg(partitions.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = java.stdin.take().context("its standard input is a pipe")?;
    input.write_all(keys.join("\n").as_bytes())?;
    drop(input);
    let output = java.wait_with_output()?;
    ensure!(output.status.success(), "the Java client could not be run");
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(line.parse()?)).collect()
}

/// The line in which Java says its version, where that is new enough.
fn java_version() -> Result<String> {
    let output = Command::new("java")
        .arg("--version")
        .output()
        .context("there is no java")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (line, _) = version_line(&text)
        .filter(|(_, major)| *major >= JAVA_VERSION_MIN)
        .with_context(|| {
            format!("Kafka needs Java {JAVA_VERSION_MIN}, and java --version says: {text}")
        })?;
    Ok(line.to_owned())
}

/// A line such as `openjdk 17.0.15 2025-04-15` with its first number; Java may say
/// something else before, such as a warning that another one locks its file of figures.
fn version_line(text: &str) -> Option<(&str, u32)> {
    text.lines().find_map(|line| {
        let version = line.split_whitespace().nth(1)?;
        let major = version.split('.').next()?.parse().ok()?;
        Some((line, major))
    })
}

/// The folder with the jars, which is filled at the first call on a machine.
fn jars() -> Result<PathBuf> {
    fetched_once(&format!("kafka-{KAFKA_VERSION}"), fetch_jars)
}

fn fetch_jars(folder: &Path) -> Result<()> {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\
         <modelVersion>4.0.0</modelVersion><groupId>local</groupId>\
         <artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{}{}{}</dependencies></project>",
        dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        dependency("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
        dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION),
    );
    let workshop = tempfile::tempdir()?;
    let pom_file = workshop.path().join("pom.xml");
    fs::write(&pom_file, pom)?;
    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(pom_file)
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .output()
        .context("there is no mvn to fetch Kafka's jars with")?;
    if !output.status.success() {
        bail!(
            "mvn could not fetch Kafka's jars: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_behind_a_warning() {
        let line = "openjdk 17.0.15 2025-04-15";
        let version = format!("{line}\nOpenJDK Runtime Environment (build 17.0.15+6)\n");
        assert_eq!(version_line(&version), Some((line, 17)));
        let line = "java 21 2023-09-19 LTS";
        assert_eq!(version_line(line), Some((line, 21)));
        let warning = "[0.003s][warning][perf,memops] Cannot use file /tmp/hsperfdata_root/7 \
            because it is locked by another process (errno = 11)\n";
        let behind = format!("{warning}{version}");
        assert_eq!(version_line(&behind), version_line(&version));
        assert_eq!(version_line(warning), None);
    }
}
