# SPDX-License-Identifier: GPL-2.0-only
"""What `corepath metrics` writes, read by Prometheus' own parsers; and alert rules and dashboard held against it."""

import json
import re
import subprocess

import pytest
import yaml
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as plain

from .conftest import ROOT

FOLDER = ROOT / "loader/prometheus"
TARGET = {"instance", "job"}  # labels that Prometheus adds


def printed(form):
    return subprocess.run([ROOT / "build/tests/metrics_test", "--print", form], capture_output=True, text=True, check=True,
                          timeout=60).stdout


@pytest.fixture(scope="module")
def samples():
    """Name of a sample -> its label sets."""
    found = {}
    for family in plain.text_string_to_metric_families(printed("text")):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def rules():
    [group] = yaml.safe_load((FOLDER / "corepath.rules.yml").read_text())["groups"]
    return group["rules"]


def targets():
    """(panel's title, expression, legend) of every query of the dashboard."""
    board = json.loads((FOLDER / "dashboard.json").read_text())
    return [(panel["title"], target["expr"], target["legendFormat"])
            for panel in board["panels"] for target in panel.get("targets", [])]


def expressions():
    return [(rule["alert"], rule["expr"]) for rule in rules()] + [(title, expr) for title, expr, _ in targets()]


def test_both_formats_say_the_same():
    """Families' names differ; samples do not."""
    old = {(s.name, tuple(sorted(s.labels.items()))): s.value
           for f in plain.text_string_to_metric_families(printed("text")) for s in f.samples}
    new = {}
    for family in openmetrics.text_string_to_metric_families(printed("openmetrics")):
        assert family.documentation and family.type in ("counter", "gauge", "info")
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in new, f"{key} is there twice"
            new[key] = sample.value
    assert old == new and len(old) > 100


def test_hard_labels_survive(samples):
    names = {labels["rule"] for labels in samples["corepath_security_rule_matches_total"]}
    assert names == {"tools", 'a "quoted" \\ name\nof two lines, and ?é'}


def selectors(expr):
    """(metric, [(label, operator, value)]) of each one in a PromQL expression."""
    for name, inside in re.findall(r"\b(corepath_\w+)(?:\{([^}]*)\})?", expr):
        yield name, re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', inside)


def kept(expr, samples):
    """The labels a result may have."""
    by = re.findall(r"\bby \(([^)]*)\)", expr)
    if by:
        return {label.strip() for each in by for label in each.split(",")}
    return TARGET | {label for name, _ in selectors(expr) for labels in samples[name] for label in labels}


def test_what_is_asked_for_is_there(samples):
    wrong = []
    for title, expr in expressions():
        asked = list(selectors(expr))
        assert asked, title
        labels = set(TARGET)
        for name, matchers in asked:
            if name not in samples:
                wrong.append(f"{title}: there is no {name}")
                continue
            labels |= {label for each in samples[name] for label in each}
            for label, _, value in matchers:
                values = {each.get(label) for each in samples[name]}
                if label in TARGET:
                    continue
                if None in values:
                    wrong.append(f"{title}: {name} has no label {label}")
                # these may be of no sample while all is well
                elif label not in ("table", "state", "action", "enforcement"):
                    wrong += [f"{title}: {name} is never of {label} {word}" for word in value.split("|")
                              if word not in values]
        for grouped in re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", expr):
            unknown = {label.strip() for label in grouped.split(",")} - labels
            wrong += [f"{title}: no label {label}" for label in unknown]
    assert wrong == []


def test_tables_are_the_datapaths():
    maps = set(re.findall(r"^} (\w+) SEC\(\"\.maps\"\)", "\n".join(
        path.read_text() for path in (ROOT / "bpf-src/lib").glob("*maps.h")), re.M))
    [named] = {value for _, expr in expressions() for _, matchers in selectors(expr) for label, _, value in matchers
               if label == "table"}
    assert set(named.split("|")) <= maps


def test_alerts_say_what_they_know(samples):
    for rule in rules():
        said = " ".join(rule["annotations"].values())
        assert set(re.findall(r"\$labels\.(\w+)", said)) <= kept(rule["expr"], samples), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"} and rule["labels"]["severity"]


def test_legends_say_what_they_know(samples):
    for title, expr, legend in targets():
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= kept(expr, samples), title


def test_nothing_is_written_that_nobody_looks_at(samples):
    used = {name for _, expr in expressions() for name, _ in selectors(expr)}
    assert set(samples) - used == set()


def test_dashboard_is_whole():
    board = json.loads((FOLDER / "dashboard.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    cells = [(x, y) for place in places for x in range(place["x"], place["x"] + place["w"])
             for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(cells)) == len(cells), "panels overlap"


@pytest.fixture(scope="module")
def promtool(tmp_path_factory):
    """Debian's own, unpacked and not installed: 19 MB, of which no other test needs any."""
    folder = tmp_path_factory.mktemp("promtool")
    folder.chmod(0o755)
    subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=folder, check=True, timeout=600)
    [package] = folder.glob("*.deb")
    subprocess.run(["dpkg", "--extract", package, folder], check=True, timeout=120)
    return folder / "usr/bin/promtool"


@pytest.mark.long
def test_promtool(promtool, tmp_path):
    def run(*words, **more):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=120, **more)
        assert done.returncode == 0, done.stdout + done.stderr

    run("check", "metrics", input=printed("text"))
    run("check", "rules", FOLDER / "corepath.rules.yml")
    # alerts are compared with their annotations, which are no part of what is to be tested here
    alerts = yaml.safe_load((FOLDER / "corepath.rules.yml").read_text())
    tests = (FOLDER / "corepath.rules.test.yml").read_text()
    for rule in alerts["groups"][0]["rules"]:
        del rule["annotations"]
        assert f"alertname: {rule['alert']}" in tests
    (tmp_path / "corepath.rules.yml").write_text(yaml.safe_dump(alerts))
    (tmp_path / "tests.yml").write_text(tests)
    run("test", "rules", "tests.yml", cwd=tmp_path)
    # what the dashboard asks is PromQL: as a recording rule, with Grafana's variables filled in
    asked = [{"record": f"q:{i}", "expr": expr.replace("$__rate_interval", "1m").replace("$instance", ".*")}
             for i, (_, expr, _) in enumerate(targets())]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "q", "rules": asked}]}))
    run("check", "rules", "asked.yml", cwd=tmp_path)
