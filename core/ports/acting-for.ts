import { Context } from "effect"

/**
 * The owner whose request, job or webhook the current effect serves. Adapters read it where they limit work by key (probes,
 * look-ups), so that no port has to pass it on. Work for no owner shares the default.
 */
export class ActingFor extends Context.Reference<ActingFor>()("ffkiln/ActingFor", { defaultValue: (): string => "" }) {}
