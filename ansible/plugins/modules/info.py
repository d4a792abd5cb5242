#!/usr/bin/python
# Copyright (c) frameworkd maintainers
# SPDX-License-Identifier: MIT

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: info
short_description: Tell how the framework daemon of OSSIM is set up and runs
version_added: 0.1.0
description:
  - Asks C(frameworkd-setup status), C(frameworkd status) and, where wanted, C(frameworkd verify). Changes nothing.
author:
  - frameworkd maintainers (@frameworkd)
options:
  verify:
    description:
      - Also make the checks that the daemon makes before it serves, with the rights of its account. File and row not
        holding one key is then a failure.
    type: bool
    default: false
attributes:
  check_mode:
    description: It only reads.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
notes:
  - What only root can see needs C(become).
seealso:
  - module: frameworkd.ossim.setup
"""

EXAMPLES = r"""
- name: Ask how it goes
  frameworkd.ossim.info:
  become: true
  register: framework

- name: One key on all machines
  ansible.builtin.assert:
    that: framework.fingerprint == hostvars[groups['ossim'][0]].framework.fingerprint
"""

RETURN = r"""
installed:
  description: The programs are there.
  returned: always
  type: bool
version:
  description: Their version.
  returned: when installed
  type: str
  sample: 0.1.0
setup:
  description: What C(frameworkd-setup status) says.
  returned: when installed
  type: dict
  contains:
    state:
      description: C(none), C(running), C(waiting), C(done) or C(interrupted).
      type: str
daemon:
  description: What C(frameworkd status) says.
  returned: when installed
  type: dict
  contains:
    state:
      description: C(running), C(starting), C(stopped), C(dead) or C(unknown).
      type: str
fingerprint:
  description: The fingerprint of the key that the daemon serves with, or that the last run has put in place; empty where neither is known.
  returned: when installed
  type: str
  sample: 1a2b3c4d
drift:
  description: Why file and row no longer agree, as the running daemon has seen it; empty where they do.
  returned: when installed
  type: str
checks:
  description: What C(frameworkd verify) found.
  returned: when O(verify=true)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.frameworkd.ossim.plugins.module_utils.program import Program


def fingerprint_in(*documents):
    for document in documents:
        found = (document.get("key") or {}).get("fingerprint")
        if found:
            return found
    return ""


def main():
    module = AnsibleModule(argument_spec=dict(verify=dict(type="bool", default=False)), supports_check_mode=True)
    setup, daemon = Program(module, "frameworkd-setup"), Program(module, "frameworkd")
    if not setup.is_installed or not daemon.is_installed:
        module.exit_json(changed=False, installed=False)
    version = daemon.run(["--version"])[2].split()[-1:]
    seen = []
    for program, args in ((setup, ["status", "--output=json"]), (daemon, ["status", "--json"])):
        rc, document, out, err = program.run(args)
        if document is None:
            program.fail(args, rc, document, out, err)
        seen.append(document)
    facts = dict(
        changed=False,
        installed=True,
        version="".join(version),
        setup=seen[0],
        daemon=seen[1],
        fingerprint=fingerprint_in(seen[1], seen[0]),
        drift=seen[1].get("drift") or "",
    )
    if module.params["verify"]:
        args = ["verify", "--json"]
        rc, document, out, err = daemon.run(args)
        if rc != 0 or document is None:
            daemon.fail(args, rc, document, out, err, **facts)
        facts["checks"] = document
    module.exit_json(**facts)


if __name__ == "__main__":
    main()
