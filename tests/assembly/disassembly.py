"""Functions, loops and kinds of instructions in what objdump prints, for x86-64 and aarch64."""
import collections
import dataclasses
import re
import subprocess

X86_MULTIPLY = re.compile(r"vfn?m(add|sub)\w*p[sd]|v?mulp[sd]")
X86_BROADCAST = re.compile(r"v?broadcastss|vpbroadcastd")
X86_MOVE = re.compile(r"v?mov(ups|aps|upd|apd|dqu|dqa)\d*|v?lddqu")
ARM_MULTIPLY = re.compile(r"fml[as]|fmul")
ARM_BRANCH = re.compile(r"b|b\.\w+|cbn?z|tbn?z")


@dataclasses.dataclass
class Instruction:
    address: int
    name: str
    operands: str
    target: int        # of a jump inside the function; 0: none


def objdump(path, arm, *options):
    tool = "aarch64-linux-gnu-objdump" if arm else "objdump"
    return subprocess.run([tool, *options, path], check=True, capture_output=True, text=True).stdout


def functions_of(path, arm=False):
    """Instructions of every function of an object, by its name."""
    functions, current = {}, None
    for line in objdump(path, arm, "-d", "--no-show-raw-insn").splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            current = functions.setdefault(head[1], [])
            continue
        found = re.match(r"\s*([0-9a-f]+):\s+(?:(?:data16|cs|rep\w*|lock|bnd|notrack) )*(\S+)\s*(.*)", line)
        if found and current is not None:
            operands = re.split(r"\s+//" if arm else r"\s+#", found[3])[0].strip()
            jump = re.search(r"\b([0-9a-f]+) <[^>]+>$", operands) if is_branch(found[2], arm) else None
            current.append(Instruction(int(found[1], 16), found[2], operands, int(jump[1], 16) if jump else 0))
    return functions


def is_branch(name, arm):
    return ARM_BRANCH.fullmatch(name) is not None if arm else name.startswith("j")


def split(operands):
    return [word.strip() for word in re.split(r",(?![^(\[{]*[)\]}])", operands)]


def vector_in(operand, arm):
    return re.match(r"v\d+\.|q\d+|\{v" if arm else r"%[xyz]mm", operand) is not None


def x86_kinds(one):
    operands = split(one.operands)
    memory = next((operand for operand in operands if "(" in operand), "") if not one.name.startswith(("lea", "nop", "prefetch")) else ""
    vector = any(vector_in(operand, False) for operand in operands)
    kinds = collections.Counter()
    store = memory and operands[-1] == memory and not one.name.startswith(("cmp", "test", "v?ucomi"))
    kinds["multiply"] = int(X86_MULTIPLY.fullmatch(one.name) is not None)
    kinds["broadcast"] = int("{1to" in one.operands or X86_BROADCAST.fullmatch(one.name) is not None or
                             (one.name in ("shufps", "vshufps", "pshufd", "vpermilps") and operands[0] == "$0x0"))
    kinds["store"] = int(bool(store))
    kinds["load"] = int(bool(memory and not store and vector and not kinds["broadcast"] and not re.fullmatch(r"v?movs[sd]", one.name)))
    kinds["scalar_load"] = int(bool(memory and not store and not kinds["load"] and not (kinds["broadcast"] and "{1to" in one.operands) and
                                    not kinds["broadcast"]))
    kinds["prefetch"] = int(one.name.startswith("prefetch"))
    kinds["copy"] = int(X86_MOVE.fullmatch(one.name) is not None and not memory)
    kinds["stack"] = int(bool(re.search(r"\(%rsp", memory)) or one.name.startswith(("push", "pop")))
    kinds["vector"] = int(vector)
    return kinds


def arm_kinds(one):
    operands = split(one.operands)
    memory = next((operand for operand in operands if operand.startswith("[")), "")
    vectors = sum(vector_in(operand, True) for operand in operands[:2]) if memory else 0
    kinds = collections.Counter()
    kinds["multiply"] = int(ARM_MULTIPLY.fullmatch(one.name) is not None and operands[0].startswith("v"))
    kinds["broadcast"] = int(one.name == "ld1r" or (one.name == "dup" and operands[0].startswith("v")))
    kinds["store"] = int(one.name.startswith("st"))
    kinds["load"] = vectors if one.name in ("ldr", "ldur", "ldp", "ldnp", "ld1") else 0
    kinds["scalar_load"] = int(bool(memory and one.name.startswith("ld") and not kinds["load"] and not kinds["broadcast"]))
    kinds["prefetch"] = int(one.name == "prfm")
    kinds["copy"] = int(one.name == "mov" and operands[0].startswith("v"))
    kinds["stack"] = int("[sp" in memory)
    kinds["vector"] = int(any(vector_in(operand, True) or re.match(r"[sdq]\d+$", operand) for operand in operands))
    return kinds


def counted(instructions, arm):
    """How many instructions of each kind; `all` of them but those that only fetch ahead, and `integer`: neither of vectors nor loads."""
    total = collections.Counter()
    for one in instructions:
        kinds = arm_kinds(one) if arm else x86_kinds(one)
        total += kinds
        total["all"] += not kinds["prefetch"]
        total["integer"] += not kinds["vector"] and not kinds["scalar_load"]
    return total


def loops_of(instructions):
    """The innermost loops: from the target of a jump back to that jump, with no such loop of another beginning inside."""
    spans = {(one.target, one.address) for one in instructions if instructions[0].address <= one.target <= one.address and one.target}
    inner = [(a, b) for a, b in spans if not any(c != a and a <= c and d <= b for c, d in spans)]
    return [[one for one in instructions if a <= one.address <= b] for a, b in sorted(inner)]


def hot_loops(functions, arm, within=""):
    """The innermost loops with multiply-adds of functions with this in their names, of each beginning the longest, those with most of them first."""
    loops = {}
    for loop in (loop for name, instructions in functions.items() if instructions and within in name for loop in loops_of(instructions)):
        if counted(loop, arm)["multiply"] > 0 and len(loop) > len(loops.get(id(loop[0]), [])):
            loops[id(loop[0])] = loop
    return sorted(loops.values(), key=lambda loop: -counted(loop, arm)["multiply"])
