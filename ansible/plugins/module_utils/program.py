# Copyright (c) frameworkd maintainers
# SPDX-License-Identifier: MIT

"""Runs frameworkd-setup and frameworkd, and reads the one JSON document that each of them prints."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

from ansible.module_utils.common.text.converters import to_bytes, to_text

FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"]

MEANINGS = {
    1: "failed",
    2: "usage or configuration",
    3: "the key needs a human",
    4: "preflight failed",
    75: "try again later",
    130: "interrupted",
    143: "terminated",
}


class Program:
    """One of the two programs on the machine that is managed."""

    def __init__(self, module, name):
        self.module = module
        self.name = name
        self.path = module.get_bin_path(name, opt_dirs=FOLDERS)

    @property
    def is_installed(self):
        return self.path is not None

    def require(self):
        if self.path is None:
            self.module.fail_json(
                msg="%s is not installed here; install the package frameworkd first (role frameworkd.ossim.frameworkd does)"
                % self.name
            )

    def run(self, args, secret=None):
        """Returns (exit code, document or None, stdout, stderr). A secret goes to standard input, nowhere else."""
        # As it is: run_command would end it with a newline of its own.
        data = None if secret is None else to_bytes(secret)
        rc, out, err = self.module.run_command(
            [self.path] + args,
            data=data,
            binary_data=True,
            environ_update=dict(LANG="C.UTF-8", LC_ALL="C.UTF-8", NO_COLOR="1"),
        )
        try:
            document = json.loads(out)
        except ValueError:
            document = None
        return rc, document if isinstance(document, dict) else None, to_text(out), to_text(err)

    def carry_out(self, args, secret=None):
        """Runs a verb that changes something, in the module's mode, and ends the module with what came of it."""
        if self.module.check_mode:
            args = args + ["--check"]
        else:
            args = args + ["--wait-for-lock=%d" % self.module.params["wait_for_lock"]]
        if self.module._diff:
            args = args + ["--diff"]
        rc, document, out, err = self.run(args, secret)
        for warning in (document or {}).get("warnings") or []:
            self.module.warn(warning)
        facts = outcome_of(document) if document is not None and "tasks" in document else {}
        if rc != 0 or document is None:
            self.fail(args, rc, document, out, err, **facts)
        self.module.exit_json(**facts)

    def fail(self, args, rc, document, out, err, **facts):
        """Ends the module as the program ended: its words, its hint, its exit code."""
        error = (document or {}).get("error") or said_in(err)
        message = error.get("message") or "%s ended with %d and said nothing" % (self.name, rc)
        hint = error.get("hint") or ""
        self.module.fail_json(
            msg="%s (%s)%s" % (message, MEANINGS.get(rc, "exit code %d" % rc), "; hint: " + hint if hint else ""),
            hint=hint,
            error_code=error.get("code") or "",
            cmd=[self.path] + args,
            rc=rc,
            stdout=out,
            stderr=err,
            **facts
        )


def said_in(err):
    """What a program says on standard error of a failure that it has no document for."""
    error = {}
    for line in to_text(err).splitlines():
        if line.startswith("hint: "):
            error["hint"] = line[len("hint: "):]
        elif line.startswith("frameworkd-setup: ") or line.startswith("frameworkd: "):
            error["message"] = line.split(": ", 1)[1]
    return error


def outcome_of(document):
    """What Ansible wants to know of a result document."""
    recap = document.get("recap") or {}
    diffs = [task["diff"] for task in document.get("tasks") or [] if task.get("diff")]
    facts = dict(
        changed=recap.get("changed", 0) + recap.get("pending", 0) > 0,
        outcome=document.get("outcome", ""),
        recap=recap,
        tasks=document.get("tasks") or [],
        key=document.get("key") or {},
    )
    if diffs:
        facts["diff"] = [dict(prepared=text) for text in diffs]
    return facts
