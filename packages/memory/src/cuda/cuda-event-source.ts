import type { EventSource } from "../sub-allocator/ports.ts";
import { type CudaContext, handleDisposed } from "./device/cuda-context.ts";
import { createCudaEvent, type CudaEvent } from "./device/cuda-event.ts";
import type { CudaStream } from "./device/cuda-stream.ts";
import type { CleanupQueue } from "./device/cleanup-queue.ts";

/** Events on a pool's streams; released events are reused. */
export interface CudaEventSource extends EventSource<CudaEvent> {
  /** Disposes the events. */
  dispose(): void;
}

export function createCudaEventSource(
  context: CudaContext,
  streams: ReadonlyMap<number, CudaStream>,
  cleanups: CleanupQueue,
): CudaEventSource {
  const idle: CudaEvent[] = [];
  return {
    record(streamId) {
      const stream = streams.get(streamId);
      if (stream === undefined) throw handleDisposed(`stream ${streamId} on ${context.deviceId}`);
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
      for (const event of idle.splice(0)) cleanups.run(() => event.dispose());
    },
  };
}
