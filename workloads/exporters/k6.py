"""Scripts for k6, with their targets beside them. Nothing of other tools."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from workloads.exporters.targets import targets
from workloads.recordings.recording import Recording, peak_rate

_LEAST_USERS = 10
_MOST_USERS = 2000
# A virtual user sends one request at a time: enough of them that the busiest second is sent though answers take this.
_ANSWER_S = 2.0

_SCRIPT = """\
// %(name)s: %(requests)d recorded requests in %(seconds).1f s, each sent when it is due. k6 run %(script)s
import http from 'k6/http';
import { sleep } from 'k6';
import exec from 'k6/execution';
import { SharedArray } from 'k6/data';

const targets = new SharedArray('targets', () => JSON.parse(open('./%(targets)s')));

export const options = {
  scenarios: {
    recorded: {
      executor: 'shared-iterations',
      vus: %(users)d,
      iterations: %(requests)d,
      maxDuration: '%(most_s)ds',
    },
  },
};

export default function () {
  // Iterations are handed out in order, so that whoever is free takes the next one due.
  const target = targets[exec.scenario.iterationInTest];
  const wait = exec.scenario.startTime + target.at_ms - Date.now();
  if (wait > 0) {
    sleep(wait / 1000);
  }
  const headers = target.body === null ? {} : { 'Content-Type': 'application/json' };
  http.request(target.method, target.url, target.body, { headers, tags: { name: target.method } });
}
"""


@dataclass(frozen=True)
class K6Exporter:
    """A script and a list of targets with their due times."""

    name: str
    description: str

    def write(self, recording: Recording, base_url: str, folder: Path, *, speed: float, seed: int) -> list[Path]:
        """See `Exporter.write`."""
        path = folder / f"{recording.name}.k6.json"
        with path.open("w", encoding="utf-8") as file:
            file.write("[\n")
            for number, target in enumerate(targets(recording, base_url, speed=speed, seed=seed)):
                file.write(",\n" if number else "")
                file.write(json.dumps(vars(target), separators=(",", ":")))
            file.write("\n]\n")
        script = folder / f"{recording.name}.k6.js"
        seconds = recording.duration_s / speed
        busiest = math.ceil(peak_rate(recording.arrival_us, 1.0 * speed) * speed * _ANSWER_S)
        filled = _SCRIPT % {
            "name": recording.name,
            "script": script.name,
            "targets": path.name,
            "requests": recording.requests,
            "seconds": seconds,
            "users": min(recording.requests, max(_LEAST_USERS, min(busiest, _MOST_USERS))),
            "most_s": math.ceil(seconds) + 120,
        }
        script.write_text(filled, encoding="utf-8")
        return [path, script]


EXPORTER = K6Exporter(
    name="k6",
    description="a script and its targets, each sent when it is due: k6 run FILE",
)
