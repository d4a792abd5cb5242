"""Tells a test what became of a play: one JSON object a line."""

import json

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "name: results\ntype: stdout\nshort_description: JSON lines\ndescription: JSON lines\n"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "results"

    def tell(self, result, **facts):
        told = dict(task=result._task.name, host=result._host.get_name(), result=result._result, **facts)
        self._display.display(json.dumps(told, cls=AnsibleJSONEncoder))

    def v2_runner_on_ok(self, result):
        self.tell(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell(result)

    def v2_runner_on_unreachable(self, result):
        self.tell(result)

    def v2_playbook_on_stats(self, stats):
        summary = {host: stats.summarize(host) for host in stats.processed}
        self._display.display(json.dumps(dict(stats=summary)))
