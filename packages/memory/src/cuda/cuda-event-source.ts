import { MemoryError } from "../errors.ts";
import type { EventSource } from "../sub-allocator/ports.ts";
import type { CudaContext } from "./cuda-context.ts";
import { createCudaEvent } from "./cuda-event.ts";
import type { CudaEvent } from "./cuda-event.ts";
import type { CudaStream } from "./cuda-stream.ts";
import type { CleanupQueue } from "./cleanup-queue.ts";

/** Events on a pool's streams; an event that was let go is used again. */
export interface CudaEventSource extends EventSource<CudaEvent> {
  /** Disposes the events. */
  dispose(): void;
}

export function createCudaEventSource(
  context: CudaContext,
  streams: ReadonlyMap<number, CudaStream>,
  owed: CleanupQueue,
): CudaEventSource {
  const idle: CudaEvent[] = [];
  return {
    record(streamId) {
      const stream = streams.get(streamId);
      if (stream === undefined) {
        throw new MemoryError(
          "CUDA_HANDLE_DISPOSED",
          `stream ${streamId} of ${context.deviceId} was disposed`,
        );
      }
      const event = idle.pop() ?? createCudaEvent(context);
      try {
        stream.record(event);
      } catch (error) {
        idle.push(event);
        throw error;
      }
      return event;
    },
    isComplete: (event) => event.isComplete(),
    wait: (event) => event.synchronizeBlocking(),
    release(event) {
      idle.push(event);
    },
    dispose() {
      for (const event of idle.splice(0)) owed.run(() => event.dispose());
    },
  };
}
