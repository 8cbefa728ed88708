# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphs: a graph has no templates: `$`, `{{` and `%` are the characters that they are.

Make such files with the tool of your choice (envsubst, jinja2, m4): mgmt follows what it writes, and takes each save.

Limits: a name that begins with `$` is an error unless `meta: {dollar: true}` says that it is meant. A command with `shell` is that
shell's text, and so are its `$`.
"""

import string

import mgmt_test
from mgmt_test import Agent, equal, folder, graph, read, save, write

TEXT = "$HOME ${HOME} $(id) `id` {{ name }} {% if x %} %s %(x)s %% #{x} <%= x %> ~ *"


def test_contents_and_words_of_commands_stay_as_they_are():
    with folder() as at:
        write(at + "/g.yaml", graph(
            file=[{"name": "{{f}} %s", "path": at + "/$out {{x}} %d", "content": TEXT}],
            exec=[{"name": "say", "cmd": "echo", "args": [TEXT], "env": {"X": "${HOME}"}},
                  {"name": "words", "cmd": "echo $HOME {{x}} %s"},
                  {"name": "env", "cmd": "printenv X", "env": {"X": "${HOME}%s"}}]))
        agent = Agent("g.yaml", "--once", cwd=at)
        equal(agent.wait(), 0, "exit status")
        equal(read(at + "/$out {{x}} %d"), TEXT, "content")
        said = {e["resource"]: e["line"] for e in agent.all("output")}
        equal(said, {"exec[say]": TEXT, "exec[words]": "$HOME {{x}} %s", "exec[env]": "${HOME}%s"}, "what was said")


def test_what_another_tool_fills_in_is_taken_with_each_save():
    with folder() as at:
        template = string.Template(graph(file=[{"name": "f", "path": at + "/out", "content": "port = $PORT"}]))
        write(at + "/web.yaml", template.substitute(PORT=80))
        agent = Agent("web.yaml", cwd=at)
        agent.wait_for("converged")
        equal(read(at + "/out"), "port = 80", "content")
        save(at + "/web.yaml", template.substitute(PORT=8080))
        agent.wait_for("changed", resource="file[f]")
        equal(read(at + "/out"), "port = 8080", "content")
        equal(agent.stop(), 0, "exit status")


def test_a_name_that_begins_with_a_dollar_is_asked_about():
    with folder() as at:
        for meta, status in (({}, 2), ({"meta": {"dollar": True}}, 0)):
            write(at + "/g.yaml", graph(noop=[{"name": "$name", **meta}]))
            agent = Agent("g.yaml", "--once", cwd=at)
            equal(agent.wait(), status, f"exit status with {meta}")
            if status == 2:
                equal("begins with `$`" in agent.stderr(), True, "the reason is on stderr")


if __name__ == "__main__":
    mgmt_test.main(dict(globals()))
