import { Context } from "effect"

/**
 * The owner of the request, job or webhook that the current effect serves. Adapters read it to limit work by
 * key (probes, look-ups), so that no port needs it as a parameter. Work without an owner shares the default.
 */
export class ActingFor extends Context.Reference<ActingFor>()("ffkiln/ActingFor", {
  defaultValue: (): string => ""
}) {}
