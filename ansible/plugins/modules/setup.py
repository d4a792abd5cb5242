#!/usr/bin/python
# Copyright (c) frameworkd maintainers
# SPDX-License-Identifier: MIT

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: setup
short_description: Bring a machine of OSSIM to the wanted state
version_added: 0.1.0
description:
  - Runs C(frameworkd-setup apply), which makes the encryption key of OSSIM the same in its database and on this machine,
    installs the service and keeps what it was told for the next run.
  - Whatever is right already stays as it is, so the module can run as often as wanted.
  - Every parameter is an option of C(frameworkd-setup). What is not given stays as the machine has it.
author:
  - frameworkd maintainers (@frameworkd)
options:
  store:
    description: Where table config lives.
    type: str
    choices: [mysql, sqlite]
  db_host:
    description:
      - The database servers, each a name, an address, or one of these with C(:PORT). Of several, the first that takes
        writes is used.
    type: list
    elements: str
    aliases: [login_host]
  db_port:
    description: The port of those servers that have none of their own.
    type: int
    aliases: [login_port]
  db_socket:
    description: The unix socket of the server, instead of host and port.
    type: path
    aliases: [login_unix_socket]
  db_name:
    description: The database.
    type: str
  db_user:
    description: The account on the server.
    type: str
    aliases: [login_user]
  db_password:
    description:
      - Its password. It is handed over on standard input, and kept in C(ossim.conf), where the programs of OSSIM read it.
    type: str
    aliases: [login_password]
  db_ssl_mode:
    description: Whether TLS is used, and how the server is verified.
    type: str
    choices: [disabled, preferred, required, verify-ca, verify-identity]
  db_ssl_ca:
    description: The CA certificate that the server is verified with, a file on the machine.
    type: path
    aliases: [ca_cert]
  create_schema:
    description: Create table config and its default rows where they are missing.
    type: bool
    default: false
  wait_for_db:
    description: Seconds to keep trying to reach the database, also when it goes away in the run.
    type: int
    default: 60
  wait_for_lock:
    description: Seconds to wait for another run that is at work on the machine, such as that of its first boot.
    type: int
    default: 120
  owner:
    description: Owner of the key file and account of the service, C(USER) or C(USER:GROUP).
    type: str
  key_source:
    description: Where a new key comes from.
    type: str
    choices: [auto, system-id, random]
  adopt:
    description:
      - Decides a key conflict. Leave it out unless a person has decided.
    type: str
    choices: [file, database, new]
  init:
    description: How the service is installed.
    type: str
    choices: [auto, systemd, sysv, none]
  for_image:
    description: Lay everything down, and leave key and row to the first boot.
    type: bool
    default: false
  take_over:
    description: Stop the service of OSSIM's own daemon and move its files aside; C(frameworkd-setup uninstall) puts them back.
    type: bool
    default: false
  tags:
    description: Only the tasks of C(frameworkd-setup) with one of these tags.
    type: list
    elements: str
  skip_tags:
    description: None of the tasks with one of these tags.
    type: list
    elements: str
  start_at_task:
    description: Leave out the tasks before this one.
    type: str
  ignore_preflight:
    description: Only warn where these checks fail.
    type: list
    elements: str
  config:
    description: The settings file, instead of C(/etc/frameworkd/frameworkd.ini).
    type: path
  root:
    description: Work on the tree below this folder; the running machine is not touched.
    type: path
attributes:
  check_mode:
    description: Runs C(frameworkd-setup --check). Where the program is not installed yet, it says that it would change.
    support: full
  diff_mode:
    description: Shows what the files become, with secrets hidden.
    support: full
notes:
  - Only root can set a machine up, so C(become) is needed.
seealso:
  - module: frameworkd.ossim.info
  - module: frameworkd.ossim.rotate_key
"""

EXAMPLES = r"""
- name: Set up against a Galera cluster
  frameworkd.ossim.setup:
    db_host: [db1.example, db2.example, "db3.example:3307"]
    db_user: ossim
    db_password: "{{ ossim_db_password }}"
    db_ssl_ca: /etc/ssl/certs/galera-ca.pem
  become: true

- name: Use the embedded store
  frameworkd.ossim.setup:
    store: sqlite
  become: true

- name: See whether anything has changed by itself
  frameworkd.ossim.setup:
  check_mode: true
  diff: true
  become: true
"""

RETURN = r"""
outcome:
  description: C(ok), C(changed), C(pending) in check mode, or C(failed).
  returned: when the program has run
  type: str
  sample: changed
recap:
  description: How many tasks ended how.
  returned: when the program has run
  type: dict
  sample: {changed: 3, deferred: 0, failed: 0, ok: 6, pending: 0, skipped: 0}
tasks:
  description: What became of each task, in order.
  returned: when the program has run
  type: list
  elements: dict
  contains:
    name:
      description: The name, as C(--list-tasks) has it.
      type: str
    outcome:
      description: How it ended.
      type: str
    summary:
      description: What it found or did, in one line.
      type: str
key:
  description: The key in use, by its fingerprint, and where it came from. Never the key itself.
  returned: when there is one
  type: dict
  sample: {fingerprint: 1a2b3c4d, source: database}
hint:
  description: What to do about a failure.
  returned: failure
  type: str
error_code:
  description: The kind of failure, for programs.
  returned: failure
  type: str
  sample: key-conflict
rc:
  description: The exit code of C(frameworkd-setup).
  returned: failure
  type: int
  sample: 3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.frameworkd.ossim.plugins.module_utils.program import Program

# Options of frameworkd-setup that take a value, as parameters are called.
VALUES = [
    "store",
    "db_host",
    "db_port",
    "db_socket",
    "db_name",
    "db_user",
    "db_ssl_mode",
    "db_ssl_ca",
    "wait_for_db",
    "owner",
    "key_source",
    "adopt",
    "init",
    "tags",
    "skip_tags",
    "start_at_task",
    "ignore_preflight",
    "config",
    "root",
]
SWITCHES = ["create_schema", "for_image", "take_over"]


def argument_spec():
    return dict(
        store=dict(type="str", choices=["mysql", "sqlite"]),
        db_host=dict(type="list", elements="str", aliases=["login_host"]),
        db_port=dict(type="int", aliases=["login_port"]),
        db_socket=dict(type="path", aliases=["login_unix_socket"]),
        db_name=dict(type="str"),
        db_user=dict(type="str", aliases=["login_user"]),
        db_password=dict(type="str", no_log=True, aliases=["login_password"]),
        db_ssl_mode=dict(type="str", choices=["disabled", "preferred", "required", "verify-ca", "verify-identity"]),
        db_ssl_ca=dict(type="path", aliases=["ca_cert"]),
        create_schema=dict(type="bool", default=False),
        wait_for_db=dict(type="int", default=60),
        wait_for_lock=dict(type="int", default=120),
        owner=dict(type="str"),
        key_source=dict(type="str", choices=["auto", "system-id", "random"], no_log=False),
        adopt=dict(type="str", choices=["file", "database", "new"]),
        init=dict(type="str", choices=["auto", "systemd", "sysv", "none"]),
        for_image=dict(type="bool", default=False),
        take_over=dict(type="bool", default=False),
        tags=dict(type="list", elements="str"),
        skip_tags=dict(type="list", elements="str"),
        start_at_task=dict(type="str"),
        ignore_preflight=dict(type="list", elements="str"),
        config=dict(type="path"),
        root=dict(type="path"),
    )


def arguments_of(params):
    """The command line, without any secret."""
    args = ["apply", "--non-interactive", "--output=json"]
    for name in VALUES:
        value = params[name]
        if value is None or value == []:
            continue
        text = ",".join(value) if isinstance(value, list) else str(value)
        args.append("--%s=%s" % (name.replace("_", "-"), text))
    args += ["--" + name.replace("_", "-") for name in SWITCHES if params[name]]
    if params["db_password"] is not None:
        args.append("--db-password-file=-")
    return args


def main():
    module = AnsibleModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        mutually_exclusive=[("db_socket", "db_host"), ("db_socket", "db_port")],
    )
    program = Program(module, "frameworkd-setup")
    if module.check_mode and not program.is_installed:
        module.exit_json(changed=True, msg="frameworkd-setup is not installed yet")
    program.require()
    program.carry_out(arguments_of(module.params), module.params["db_password"])


if __name__ == "__main__":
    main()
