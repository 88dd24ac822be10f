"""What `cargo xtask deploy` checks by packages from PyPI: the compose file and the Helm chart."""

import pathlib
import re
import sys

import compose_spec
import helm_python
import kubernetes_validate
import yaml

# The oldest Kubernetes that the chart says it is for, and newer ones.
KUBERNETES = ["1.30", "1.34", "1.37"]


def compose(path: pathlib.Path) -> None:
    """Reads it as Docker does: by the specification, with what a YAML merge brings, and all names defined."""
    # Variables have their defaults.
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text())
    try:
        compose_spec.PyOptions(apply_merge=True).from_yaml(text).validate()
    except ValueError as error:
        sys.exit(f"{path}: {error}")
    for service in yaml.safe_load(text)["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (path.parent / source).exists():
                sys.exit(f"{path}: there is no {source}")


def chart(path: pathlib.Path) -> None:
    """Lints it, renders it with each of the values in `ci/`, and holds every object against Kubernetes' schemas."""
    loaded = helm_python.Chart.load(path)
    ours = re.search(r'^version = "(.*)"', pathlib.Path("Cargo.toml").read_text(), re.MULTILINE).group(1)
    if loaded.metadata["appVersion"] != ours:
        sys.exit(f"{path}: appVersion is not {ours}, the version of the workspace")
    for values_file in sorted((path / "ci").glob("*.yaml")):
        values = yaml.safe_load(values_file.read_text())
        for message in helm_python.lint(path, values=values)["messages"]:
            # An icon is all that is recommended and not there.
            if message["severity"] > 1:
                sys.exit(f"{path}: {message}")
        for name, text in sorted(loaded.render(values, name="auth", namespace="default").items()):
            documents = yaml.safe_load_all(text) if name.endswith(".yaml") else []
            for document in filter(None, documents):
                for version in KUBERNETES:
                    try:
                        kubernetes_validate.validate(document, version, strict=True)
                    except kubernetes_validate.ValidationError as error:
                        sys.exit(f"{values_file}: {name}, Kubernetes {version}: {error}")
        print(f"{values_file}: renders")
    # What cannot work is refused before anything is changed in the cluster.
    good = {"store": {"existingSecret": "x"}, "token": {"existingSecret": "x"}}
    loaded.validate_schema(loaded.merge_values(good))
    for wrong in [
        {"store": {"existingSecret": ""}},
        {"token": {"existingSecret": None}},
        {"replicaCount": "two"},
        {"unknown": 1},
        {"settings": {"store.url": "postgres://here"}},
        {"settings": {"listen": "0.0.0.0:80"}},
    ]:
        try:
            loaded.validate_schema(loaded.merge_values(good | wrong))
        except helm_python.HelmValuesError:
            continue
        sys.exit(f"{path}: values.schema.json accepts {wrong}")


def render(path: pathlib.Path, target: pathlib.Path) -> None:
    """Writes the objects of the chart with each of the values in `ci/`, for tools that read files."""
    loaded = helm_python.Chart.load(path)
    for values_file in sorted((path / "ci").glob("*.yaml")):
        values = yaml.safe_load(values_file.read_text())
        for name, text in loaded.render(values, name="auth", namespace="default").items():
            if name.endswith(".yaml") and text.strip():
                file = target / values_file.stem / pathlib.Path(name).name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)


if __name__ == "__main__":
    deploy = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        render(deploy / "helm/appmixer-server", pathlib.Path(sys.argv[2]))
        sys.exit()
    compose(deploy / "compose/compose.yaml")
    chart(deploy / "helm/appmixer-server")
