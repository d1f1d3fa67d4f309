"""A folder of a thousand playbooks of about sixty lines, as different as those of many teams.

Five kinds in turn: faults and loads in parallel, one step after the other, expressions and inputs,
schedules and gates, bytes alone. Each file has a name, addresses and times of its own; nothing is
wrong in any. Number `n` is the same in every run.
"""

from pathlib import Path
from string import Template

_HEAD = """\
# yaml-language-server: $$schema=../schemas/playbook.draft-07.schema.json
name: playbook_$number
description: Number $number of many, $kind
tags: [team-$team, nightly]

targets:
  shop:
    http:
      listen: 127.0.0.1:$port
      upstream: "http://127.0.0.1:8080"
"""

_TAIL = """
finally:
  - name: back to normal
    http: {get: "http://127.0.0.1:$port/health"}
    retry: {attempts: 5, backoff: {initial: 200ms}}
  - name: orders are there
    http:
      get: "http://127.0.0.1:$port/orders/$number"
      headers: {accept: application/json}
    timeout: 10s
  - name: told
    exec:
      run: [logger, "playbook_$number is done"]
    continue_on_failure: true
"""

_TOGETHER = """
scenarios:
  slow_writes:
    latency: {lognormal: {median: ${ms}ms, sigma: 0.5}, jitter: 10%}
    match: {method: [POST, PUT], path: /orders*}

parallel:
  - name: clients
    duration: 2m
    load:
      requests: 40/s
      mix:
        - {get: /orders/$number, weight: 3}
        - {post: /orders, body: {sku: A-17, count: 2}}
  - name: slow writes
    duration: 2m
    scenario: slow_writes
  - name: waves
    loop: {times: 3}
    steps:
      - name: hit
        duration: 20s
        scenario:
          errors: {rate: 50%, codes: [503]}
          resets: 5%
      - name: rest
        wait: 10s
  - name: look
    needs: [waves]
    http: {get: "http://127.0.0.1:$port/orders/$number"}
    retry: {attempts: 5, backoff: {initial: 200ms}}
    continue_on_failure: true
  - name: after all
    needs:
      look: [failed, timed_out]
    wait: 1s
"""

_IN_ORDER = """
timeout: 30m
steps:
  - name: calm
    wait: 2s
""" + "".join(f"""
  - name: stage {stage}
    duration: {stage}0s
    scenario:
      latency: {{normal: {{mean: ${{ms}}ms, stddev: {stage}ms}}}}
      errors: {{rate: {stage}%, codes: [503]}}
""" for stage in range(1, 7))  # fmt: skip

_SPEAKING = """
inputs:
  base: {type: duration, default: ${ms}ms}
  share: {type: share, default: 10%}
  rounds: {type: integer, default: 3}

steady_state:
  every: 5s
  checks:
    - name: answers
      http: {get: "http://127.0.0.1:$port/health"}
      expect: "status == 200 && latency < duration('300ms')"

abort_if: "measured.error_rate > 0.9"

steps:
  - name: light
    duration: 60s
    scenario: {latency: "$${{ inputs.base }}"}
    expect: "measured.p99 < duration('2s')"
  - name: heavy
    duration: 60s
    when: "steps.light.ran && inputs.rounds > 2"
    scenario:
      latency: "$${{ inputs.base + inputs.base }}"
      errors: "$${{ inputs.share }}"
  - name: ask
    http: {get: "http://127.0.0.1:$port/orders"}
    expect:
      - "status in [200, 404]"
      - "latency < duration('1s')"
  - name: until it works
    loop: {until: "status == 200", max: 10, every: 1s}
    http: {get: "http://127.0.0.1:$port/health"}
    continue_on_failure: true
"""

_SCHEDULED = """
schedule:
  - cron: "$minute $hour * * MON-FRI"
    timezone: Europe/Berlin
    jitter: 1m
    missed: last
    concurrency: queue
  - {once: "2031-12-24T18:00:00Z"}

windows:
  - {allow: "0 0 * * *", for: 24h, timezone: UTC}
  - {deny: "0 18 24 12 *", for: 72h, timezone: Europe/Berlin, reason: holidays}

depends_on: [{name: playbook_$before, passed_within: 24h}]
approval: {by: [operate, admin], expires: 24h}
record: true

steps:
  - name: slow
    duration: 60s
    scenario: {latency: ${ms}ms}
  - name: slower
    duration: 60s
    scenario: {latency: {uniform: {min: ${ms}ms, max: 2s}}}
  - name: limited
    duration: 60s
    scenario:
      rate_limit: {limit: 100/s, burst: 20}
      bandwidth: 100KB/s
  - name: broken
    duration: 30s
    scenario:
      partial_responses: 5%
      corruption: {rate: 5%, kind: bit_flip}
"""

_BYTES = """\
  store:
    tcp: {listen: 127.0.0.2:$port, upstream: 127.0.0.1:5432}

parallel:
  - name: clients
    duration: 15s
    targets: shop
    load: {requests: 60/s, mix: [{get: /orders/17}]}

  - name: trouble
    steps:
      - name: calm
        wait: 2s

      - name: slow
        duration: 3s
        targets: store
        scenario: {latency: {fixed: ${ms}ms, jitter: 10ms, direction: both}}

      - name: narrow
        duration: 3s
        targets: store
        scenario: {bandwidth: 5KB/s, slicer: {size: 64, delay: 5ms}}

      - name: breaking
        duration: 3s
        targets: store
        scenario: {limit_data: {bytes: 2KB}, resets: 10%}

      - name: gone
        duration: 1s
        targets: store
        scenario: {down: true}
"""

KINDS = {
    "side by side": _TOGETHER,
    "in order": _IN_ORDER,
    "speaking": _SPEAKING,
    "scheduled": _SCHEDULED,
    "bytes": _BYTES,
}


def playbook(number: int) -> str:
    """The text of one; about sixty lines."""
    kind = list(KINDS)[number % len(KINDS)]
    return Template(_HEAD + KINDS[kind] + _TAIL).substitute(
        number=number, before=number - 1 if number else 1, kind=kind, team=number % 40,
        port=10_000 + number % 50_000, ms=50 + number % 400, minute=number % 60,
        hour=number // 60 % 24,
    )  # fmt: skip


def many(folder: Path, count: int = 1_000) -> Path:
    """A folder with so many of them, a hundred in each folder below it."""
    for number in range(count):
        file = folder / f"team_{number // 100:03}" / f"playbook_{number:05}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(playbook(number), encoding="utf-8")
    return folder
