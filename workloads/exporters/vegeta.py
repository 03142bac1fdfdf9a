"""Target lists for vegeta.

Put here vegeta's format. Keep out which requests are in it (`workloads.exporters.targets`).
"""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.exporters.targets import targets
from workloads.recordings.recording import Recording


@dataclass(frozen=True)
class VegetaExporter:
    """Writes JSON targets, one per line. Vegeta has a rate of its own and takes no due times."""

    name: str
    description: str

    def write(self, recording: Recording, base_url: str, folder: Path, *, speed: float, seed: int) -> list[Path]:
        """See `Exporter.write`."""
        path = folder / f"{recording.name}.vegeta.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for target in targets(recording, base_url, speed=speed, seed=seed):
                line: dict[str, Any] = {"method": target.method, "url": target.url}
                if target.body is not None:
                    line["header"] = {"Content-Type": ["application/json"]}
                    line["body"] = base64.b64encode(target.body.encode()).decode()
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        return [path]


EXPORTER = VegetaExporter(
    name="vegeta",
    description="JSON targets in order, without their times: vegeta attack -format=json -lazy -targets=FILE -rate=R",
)
