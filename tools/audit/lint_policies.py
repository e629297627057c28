"""Lint IAM policies with parliament. Runs in the audit's own environment: policies come in on standard input.

Its command line is not used because it writes a log file of a fixed name into a folder that everybody may write to.
"""

import json
import sys

from parliament import analyze_policy_string, enhance_finding


def main() -> None:
    """Read ``{name: policy}``, and print a list of what is wrong: name, issue, title and detail."""
    found = []
    for name, policy in json.load(sys.stdin).items():
        try:
            findings = [enhance_finding(item) for item in analyze_policy_string(json.dumps(policy)).findings]
        # The linter raises whatever a policy that it cannot read leads to.
        except Exception as error:
            found.append(
                {
                    "policy": name,
                    "issue": "UNREADABLE",
                    "title": "The linter cannot read it",
                    "detail": str(error)[:200],
                }
            )
            continue
        found += [
            {"policy": name, "issue": item.issue, "title": item.title, "detail": str(item.detail or "")}
            for item in findings
        ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
