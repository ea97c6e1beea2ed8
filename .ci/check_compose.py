"""Compares deploy/compose.yaml with the manuals of settings: variables and topics.

Run by .ci/check-deploy, whose tools bring ruamel.yaml.
"""

import pathlib
import re
import sys

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).parent.parent
# What waits for a service to end well, and what waits for it to be healthy.
ENDS, IS_HEALTHY = "service_completed_successfully", "service_healthy"
# What the C library reads; mallopt(3).
MALLOC = {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"}


def settings(owner):
    """Every variable of a service's manual, with its default."""
    text = (ROOT / "docs" / owner / "CONFIG.md").read_text()
    rows = re.findall(r"^\| (`[A-Z0-9_]+`[^|]*) \| ([^|]*?) \|", text, re.MULTILINE)
    return {variable: default for cell, default in rows for variable in re.findall(r"`([A-Z0-9_]+)`", cell)}


def main():
    services = YAML(typ="safe").load(ROOT / "deploy" / "compose.yaml")["services"]
    created = set(re.findall(r"create (\S+) \d+", str(services["topics"]["command"])))
    wrong = []
    for name, service in services.items():
        for other, how in (service.get("depends_on") or {}).items():
            if other not in services:
                wrong.append(f"{name} waits for {other}, which is not there")
                continue
            if how["condition"] == ENDS and services[other].get("restart") != "no":
                wrong.append(f"{name} waits for the end of {other}, which is started again")
            if how["condition"] == IS_HEALTHY and "test" not in services[other].get("healthcheck", {}):
                wrong.append(f"{name} waits for the health of {other}, which has no check")
        if "build" not in service:
            continue
        owner = service["build"]["args"]["SERVICE"].removesuffix("-service")
        known = settings(owner)
        given = service["environment"]
        strange = [variable for variable in given if variable not in known and variable not in MALLOC]
        wrong += [f"{name}: {variable} is no setting of it" for variable in strange]
        topics = {variable: default for variable, default in known.items() if variable.endswith("_TOPIC")}
        if not topics and "KAFKA_BOOTSTRAP_SERVERS" in known:
            wrong.append(f"{name}: its manual names no topics")
        for variable, default in topics.items():
            topic = given.get(variable, default)
            # A topic may be left out.
            if topic != "(none)" and topic not in created:
                wrong.append(f"{name}: nobody creates {topic}, its {variable}")
    for one in wrong:
        print(f"deploy/compose.yaml: {one}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
