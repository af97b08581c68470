"""Prints the PyPI requirements of the integrations a test instance loads, closed over their dependencies.

Run with the Python that Home Assistant is installed in. The integrations that always load are asked from
Home Assistant itself, so that the list follows its version.
"""

import json
from pathlib import Path

from homeassistant import bootstrap, components

# Ours to test against, and what serves them. hassio: the mqtt configuration flow imports its client library.
WANTED = ["mqtt", "nut", "hassio", "frontend", "recorder", "history", "logbook", "automation", "script", "blueprint"]
WANTED += ["trace", "config", "api", "onboarding", "template", "timer", "input_boolean", "counter", "notify"]
ALWAYS = [
    "DEFAULT_INTEGRATIONS",
    "CRITICAL_INTEGRATIONS",
    "LOGGING_AND_HTTP_DEPS_INTEGRATIONS",
    "FRONTEND_INTEGRATIONS",
]


def manifests(names):
    """Yields the manifest of every named integration and of all they depend on, once."""
    folder = Path(components.__path__[0])
    seen = set()
    while names:
        name = names.pop()
        file = folder / name / "manifest.json"
        if name in seen or not file.exists():
            continue
        seen.add(name)
        manifest = json.loads(file.read_text())
        yield manifest
        names += manifest.get("dependencies", [])


always = [name for group in ALWAYS for name in getattr(bootstrap, group, ())]
print("\n".join(sorted({need for m in manifests(WANTED + always) for need in m.get("requirements", [])})))
