"""gdb command `tasks`: every parked task of the stopped thread's loop, with its stack.

    gdb -p PID -x tools/gdb/mailroot_tasks.py -ex tasks
    gdb PROGRAM CORE -x tools/gdb/mailroot_tasks.py -ex 'tasks full'

A parked task's registers lie on its own stack, where context_switch pushed them (x86-64). To show
one, the walker unwinds from there by frame pointers, which the build keeps; nothing of the
process is changed, so it works on a core file too.
"""
import gdb

DEPTH = 30


def word(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), "little")


def describe(pc):
    block = gdb.block_for_pc(pc)
    while block is not None and block.function is None:
        block = block.superblock
    line = gdb.find_pc_line(pc)
    name = block.function.print_name if block else "?"
    where = f"{line.symtab.filename}:{line.line}" if line.symtab else hex(pc)
    return f"{name} at {where}"


def frames(stack_pointer):
    """Return addresses, innermost first: the switch's own, then along the frame pointers."""
    # context_switch left: mxcsr word, r15, r14, r13, r12, rbx, rbp, return address.
    frame, pc = word(stack_pointer + 48), word(stack_pointer + 56)
    for _ in range(DEPTH):
        yield pc
        if frame == 0:
            return
        try:
            pc, frame = word(frame + 8), word(frame)
        except gdb.MemoryError:
            return


class Tasks(gdb.Command):
    """List the tasks of this thread's loop. With "full": their stacks in full."""

    def __init__(self):
        super().__init__("tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        loop = gdb.parse_and_eval("task_loop")
        if int(loop) == 0:
            print("this thread runs no loop")
            return
        task_type = gdb.lookup_type("struct task")
        offset = next(f.bitpos // 8 for f in task_type.fields() if f.name == "all")
        head = int(loop["tasks"].address)
        link = int(loop["tasks"]["next"])
        while link != head:
            task = gdb.Value(link - offset).cast(task_type.pointer())
            self.show(task, running=int(task) == int(loop["running"]), full=argument == "full")
            link = int(task["all"]["next"])

    def show(self, task, running, full):
        state = "running" if running else "parked" if task["parked"] else "ready"
        print(f"task {int(task):#x} {task['name'].string()!r} {state}")
        if running:
            return
        names = [describe(pc) for pc in frames(int(task["context"]["stack_pointer"]))]
        for name in names if full else names[:8]:
            print(f"    {name}")


Tasks()
