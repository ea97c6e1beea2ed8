//! How a broker is started and signalled.

use std::path::PathBuf;

use anyhow::Result;
use test_kit::supervisor::Supervisor;

use super::distribution::Distribution;

/// Formats the broker's folder at the first start; in a container, only
/// Docker reaches it with a signal.
const SCRIPT: &str = r#"
class_path=$2 class_archive=$3 image=$4 cluster_id=$5 format_options=$6 compiler=$7
config=$folder/server.properties
container=kafka-for-tests-$$

launch() {
    if [ -n "$image" ]; then
        exec docker run --rm --name "$container" --network host --user "$(id -u):$(id -g)" \
            --volume "$folder:$folder" "$image" sh -c "
                [ -f '$folder/data/meta.properties' ] ||
                    /opt/kafka/bin/kafka-storage.sh format -t '$cluster_id' -c '$config' \
                        $format_options
                exec /opt/kafka/bin/kafka-server-start.sh '$config'"
    fi
    [ -f "$folder/data/meta.properties" ] ||
        java -Xmx64m -XX:TieredStopAtLevel=1 -XX:SharedArchiveFile="$class_archive" -cp "$class_path" \
            kafka.tools.StorageTool format -t "$cluster_id" -c "$config" $format_options
    exec java -Xms64m -Xmx384m -XX:+UseSerialGC -XX:-UsePerfData $compiler \
        -XX:SharedArchiveFile="$class_archive" \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -cp "$class_path" kafka.Kafka "$config"
}

send() {
    if [ -n "$image" ]; then docker kill --signal "$1" "$container"; else kill -"$1" "$pid"; fi
}
"#;

/// A broker of tests lives too short for what is compiled well to pay; what measures is a release build.
const COMPILER: &str = if cfg!(debug_assertions) {
    "-XX:TieredStopAtLevel=1"
} else {
    ""
};

/// Prepares a broker in `folder`, which holds its configuration;
/// `format_options` are words without quotes.
pub(super) fn supervisor(
    folder: PathBuf,
    distribution: &Distribution,
    cluster_id: &str,
    format_options: &str,
) -> Result<Supervisor> {
    let (class_path, class_archive, image) = match distribution {
        Distribution::Java {
            class_path,
            class_archive,
        } => (class_path.as_ref(), class_archive.as_os_str(), ""),
        Distribution::Docker { image } => ("".as_ref(), "".as_ref(), image.as_str()),
    };
    let [image, cluster_id, format_options, compiler] =
        [image, cluster_id, format_options, COMPILER].map(AsRef::as_ref);
    let arguments = [
        class_path,
        class_archive,
        image,
        cluster_id,
        format_options,
        compiler,
    ];
    Supervisor::new(folder, SCRIPT, &arguments)
}
