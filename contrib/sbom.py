#!/usr/bin/env python3
"""Writes the software bill of materials of newsriver (CycloneDX 1.5, JSON) to stdout, from Cargo.lock.

Listed is what is linked into the program: dependencies of dependencies too, development and build tools not. The same
lock file gives the same bytes.
"""
import json
import subprocess
import sys

command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-gnu"]
metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
root = metadata["resolve"]["root"]


def linked(node):
    """The dependencies of a package that end up in the program."""
    return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]


reached, todo = set(), [root]
while todo:
    at = todo.pop()
    if at not in reached:
        reached.add(at)
        todo += linked(nodes[at])


def reference(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, kind):
    entry = {
        "type": kind,
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package),
    }
    if package.get("license"):
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package.get("repository"):
        entry["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return entry


def order(ids):
    return sorted((packages[at] for at in ids), key=lambda package: (package["name"], package["version"]))


print(json.dumps({
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": component(packages[root], "application")},
    "components": [component(package, "library") for package in order(reached - {root})],
    "dependencies": [
        {"ref": reference(package), "dependsOn": sorted(reference(packages[at]) for at in linked(nodes[package["id"]]))}
        for package in order(reached)
    ],
}, indent=1))
