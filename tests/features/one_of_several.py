"""Run as a program: one of several processes that extract the same pictures into one folder.

Arguments: number of this process, number of processes, port, pictures, folder, and words: "fail" (process 1 fails at a
picture), "stop" (all hang in the middle), "narrow" and "tokens" (of the features), "added" (a step is
there before).
"""

import sys
import time
from pathlib import Path

import jax

if __name__ == "__main__":
    index, count, port, pictures, out, *words = sys.argv[1:]
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", int(count), int(index))
    # Beside this file, so found only when it is run as a program.
    from step_models import TinyModel

    from jaxsim.features import Extraction, extract, extract_together, folder_writer

    folder_writer._MOST_BLOCK_ROWS = 10
    seen = []

    class Failing(TinyModel):
        def preprocess(self, images):
            if "fail" in words and index == "1":
                raise KeyError("a defect")
            return super().preprocess(images)

    def progress(done, total, what):
        seen.append(done)
        if "stop" in words and len(seen) > 2 * (2 + int(index)):
            print(f"stops at {done} of {total}", flush=True)
            time.sleep(1000)

    jax.devices()  # all processes make their backends together
    if "added" in words and index == "0":
        Path(out).mkdir()
        extract(TinyModel(only=("Out",)), pictures, out=f"{out}/a", batch_size=8)
        Path(out, "ready").touch()
    while "added" in words and not Path(out, "ready").exists():
        time.sleep(0.05)
    wanted = [
        Extraction(Failing(), "tokens:2" if "tokens" in words else "mean", f"{out}/a"),
        Extraction(Failing(seed=1, name="b"), "cls,mean", f"{out}/b"),
    ]
    try:
        found = extract_together(
            wanted,
            pictures,
            batch_size=8,
            threads=1,
            dtype="float16" if "narrow" in words else "float32",
            across_processes=True,
            progress=progress,
        )
        print([each.reused for each in found], len(found[0].sample_ids), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
