#!/usr/bin/python
# Copyright (c) frameworkd maintainers
# SPDX-License-Identifier: MIT

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: rotate_key
short_description: Give a database of OSSIM a new encryption key
version_added: 0.1.0
description:
  - Runs C(frameworkd-setup key rotate), which encrypts every stored value anew, in one transaction.
  - A new key is made each time the module runs. So it runs once for a database, with C(run_once), and then
    M(frameworkd.ossim.setup) brings every machine forward. Playbook C(frameworkd.ossim.rotate) does both.
author:
  - frameworkd maintainers (@frameworkd)
options:
  backup:
    description:
      - A sealed backup of the key that is replaced, a file on the machine, as C(frameworkd-setup key export) makes it. It
        is opened before anything changes.
    type: path
  no_backup:
    description: Replace the key without a sealed backup.
    type: bool
    default: false
  identity:
    description: The age identity that opens the backup, a file on the machine.
    type: path
  passphrase:
    description: The passphrase that opens the backup. It is handed over on standard input.
    type: str
  key_source:
    description: Where the new key comes from.
    type: str
    choices: [random, system-id]
  leave_undecryptable:
    description: Leave values as they are that the key does not decrypt.
    type: bool
    default: false
  second_look:
    description:
      - Look again after 1, 5 and 60 seconds for values that a program has written under the old key meanwhile. Without
        it the next run of M(frameworkd.ossim.setup) finds them.
    type: bool
    default: true
  wait_for_lock:
    description: Seconds to wait for another run that is at work on the machine.
    type: int
    default: 120
  config:
    description: The settings file, instead of C(/etc/frameworkd/frameworkd.ini).
    type: path
attributes:
  check_mode:
    description: Tells how many values of each place would be encrypted anew.
    support: full
  diff_mode:
    description: Shows that the key changes, by fingerprints.
    support: full
notes:
  - Only root can do this, so C(become) is needed.
seealso:
  - module: frameworkd.ossim.setup
"""

EXAMPLES = r"""
- name: Replace the key
  frameworkd.ossim.rotate_key:
    backup: /root/key.age
    identity: /root/identity.txt
  run_once: true
  become: true

- name: Bring every machine forward
  frameworkd.ossim.setup:
  become: true
"""

RETURN = r"""
recap:
  description: How many tasks ended how.
  returned: when the program has run
  type: dict
tasks:
  description: What became of each task, in order.
  returned: when the program has run
  type: list
  elements: dict
key:
  description: The new key, by its fingerprint.
  returned: when there is one
  type: dict
  sample: {fingerprint: 1a2b3c4d, source: random}
hint:
  description: What to do about a failure.
  returned: failure
  type: str
error_code:
  description: The kind of failure, for programs.
  returned: failure
  type: str
rc:
  description: The exit code of C(frameworkd-setup).
  returned: failure
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.frameworkd.ossim.plugins.module_utils.program import Program


def argument_spec():
    return dict(
        backup=dict(type="path"),
        no_backup=dict(type="bool", default=False),
        identity=dict(type="path"),
        passphrase=dict(type="str", no_log=True),
        key_source=dict(type="str", choices=["random", "system-id"], no_log=False),
        leave_undecryptable=dict(type="bool", default=False),
        second_look=dict(type="bool", default=True),
        wait_for_lock=dict(type="int", default=120),
        config=dict(type="path"),
    )


def arguments_of(params):
    """The command line, without any secret."""
    args = ["key", "rotate", "--yes", "--non-interactive", "--output=json"]
    for name in ("backup", "identity", "key_source", "config"):
        if params[name] is not None:
            args.append("--%s=%s" % (name.replace("_", "-"), params[name]))
    if params["passphrase"] is not None:
        args.append("--passphrase-file=-")
    args += ["--" + name.replace("_", "-") for name in ("no_backup", "leave_undecryptable") if params[name]]
    if not params["second_look"]:
        args.append("--no-second-look")
    return args


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        mutually_exclusive=[("identity", "passphrase")],
        required_by=dict(identity="backup", passphrase="backup"),
    )
    if bool(module.params["backup"]) == module.params["no_backup"] and not module.check_mode:
        module.fail_json(msg="give either backup or no_backup: true")
    program = Program(module, "frameworkd-setup")
    program.require()
    program.carry_out(arguments_of(module.params), module.params["passphrase"])


if __name__ == "__main__":
    main()
