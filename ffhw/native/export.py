"""Quantized network -> one C file. One file a kind of layer beside this one."""

from __future__ import annotations

from pathlib import Path

from ffhw.layers import rule
from ffhw.model.network import Network
from ffhw.native.source import Source, plain

_PRELUDE = Path(__file__).with_name("prelude.c")

_HEAD = """\
/* {name}: {size_in} input codes of {input}, {size_out} output codes of {output}, written by ffhw.

   ffhw_net net;                     what is kept between steps
   ffhw_reset(&net);                 begin a sequence, from zero
   net.answer = answers;             where answers go, {size_out} codes each; moves on behind each of them
   ffhw_step(&net, codes);           one step, {size_in} codes
   ffhw_end(&net);                   behind the last step: a network that answers once a sequence answers here

   Answers are those of the golden model, code for code. {bits} bit integers hold every number in between.
   ffhw_load and ffhw_save copy the {states} codes of all states. Nothing is allocated; sequences of the same network
   can run side by side, each with its own ffhw_net. */

#include <stdint.h>
#include <string.h>

typedef int{bits}_t num;
"""

_OUT = "static void out_step(ffhw_net *s, const num *x);\nstatic void out_end(ffhw_net *s);"

_CALLS = """\
static void out_step(ffhw_net *s, const num *x) {{
  for (int u = 0; u < {size_out}; u++) *s->answer++ = (int32_t)x[u];
}}

static void out_end(ffhw_net *s) {{ (void)s; }}

void ffhw_reset(ffhw_net *s) {{
{resets}
}}

void ffhw_step(ffhw_net *s, const int32_t *codes) {{
  num x[{size_in}];
  for (int u = 0; u < {size_in}; u++) x[u] = codes[u];
  l0_step(s, x);
}}

void ffhw_end(ffhw_net *s) {{ l0_end(s); }}

void ffhw_load(ffhw_net *s, const int32_t *codes) {{
{loads}
}}

void ffhw_save(const ffhw_net *s, int32_t *codes) {{
{saves}
}}
"""


def to_c(network: Network) -> str:
    """C source (C99) with the golden model's outputs, code for code; its head says how it is used.

    Raises
    ------
    InputError: some intermediate number fits no integer type.
    """
    source = Source()
    sinks = [f"l{number}" for number in range(1, len(network.layers))] + ["out"]
    loads, saves, place = [], [], 0
    for number, (layer, sink) in enumerate(zip(network.layers, sinks, strict=True)):
        rule("ffhw.native", "C code", layer).code(source, layer, f"l{number}", sink)
        if layer.state_size:
            parts = source.states[f"l{number}"]
            for part, member in enumerate(parts):
                # the parts of a unit stand together
                code = f"codes[{place} + u * {len(parts)} + {part}]"
                loop = f"  for (int u = 0; u < {layer.state_size // len(parts)}; u++)"
                loads.append(f"{loop} s->{member}[u] = {code};")
                saves.append(f"{loop} {code} = (int32_t)s->{member}[u];")
            place += layer.state_size
    facts = {
        "name": plain(network.name),
        "input": network.input,
        "output": network.output,
        "size_in": network.input_size,
        "size_out": network.output_size,
        "bits": network.integer_bits,
        "states": place,
        "resets": "\n".join(source.resets) or "  (void)s;",
        "loads": "\n".join(loads) or "  (void)s, (void)codes;",
        "saves": "\n".join(saves) or "  (void)s, (void)codes;",
    }
    struct = "\n".join(["typedef struct {", "  int32_t *answer;", *source.members, "} ffhw_net;"])
    declared = [*source.declarations, _OUT]
    parts = [_HEAD.format(**facts), _PRELUDE.read_text(), *source.arrays, struct, "\n".join(declared)]
    return "\n\n".join([*(part.strip("\n") for part in parts), *source.functions, _CALLS.format(**facts)])
