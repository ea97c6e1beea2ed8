//! How a broker is started and signalled.

use std::path::PathBuf;

use anyhow::Result;
use test_kit::supervisor::Supervisor;

use super::distribution::Distribution;

/// Formats the broker's folder at the first start; in a container, only
/// Docker reaches it with a signal.
const SCRIPT: &str = r#"
class_path=$2 image=$3 cluster_id=$4 format_options=$5
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
        java -Xmx64m -XX:TieredStopAtLevel=1 -cp "$class_path" \
            kafka.tools.StorageTool format -t "$cluster_id" -c "$config" $format_options
    exec java -Xms64m -Xmx384m -XX:+UseSerialGC -XX:-UsePerfData \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
        -cp "$class_path" kafka.Kafka "$config"
}

send() {
    if [ -n "$image" ]; then docker kill --signal "$1" "$container"; else kill -"$1" "$pid"; fi
}
"#;

/// Prepares a broker in `folder`, which holds its configuration;
/// `format_options` are words without quotes.
pub(super) fn supervisor(
    folder: PathBuf,
    distribution: &Distribution,
    cluster_id: &str,
    format_options: &str,
) -> Result<Supervisor> {
    let (class_path, image) = match distribution {
        Distribution::Java { class_path } => (class_path.as_str(), ""),
        Distribution::Docker { image } => ("", image.as_str()),
    };
    let arguments = [class_path, image, cluster_id, format_options].map(AsRef::as_ref);
    Supervisor::new(folder, SCRIPT, &arguments)
}
