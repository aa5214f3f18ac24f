import { stringify } from 'yaml'

/** The rows as YAML, with the fields of the JSON. */
export function renderYaml(rows: readonly unknown[]): string {
  return stringify(rows)
}
