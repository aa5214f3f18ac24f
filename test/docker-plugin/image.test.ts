import { describe, expect, test } from 'vitest'
import { readProjectFile, sourceFiles } from '../support/documents.ts'

const recipe = readProjectFile('docker-plugin/Dockerfile')
const instruction = (name: string): unknown =>
  JSON.parse(new RegExp(`^${name} (.+)$`, 'm').exec(recipe)?.[1] ?? 'null')

/** The programs that the image takes along. */
const programs = /^programs='(?<names>[^']+)'$/m
  .exec(readProjectFile('docker-plugin/collect.sh'))
  ?.groups?.['names']?.split(/\s+/)

/** Tools of systemd, which runs no container. */
const ELSEWHERE = ['systemctl', 'timedatectl']

describe('the image', () => {
  test('serves by itself, and runs the command that is given instead', () => {
    expect(instruction('ENTRYPOINT')).toEqual(['/usr/bin/rexray'])
    expect(instruction('CMD')).toEqual(['start', '--nopid'])
  })

  test('has every tool that the program runs by name', () => {
    const tools = sourceFiles().flatMap(({ text }) =>
      [...text.matchAll(/\brun\(\s*'([^']+)'/g)].map((match) => match[1] ?? ''),
    )
    expect(tools).toContain('blkid')
    const lacking = tools.filter((tool) => !programs?.includes(tool) && !ELSEWHERE.includes(tool))
    expect(lacking).toEqual([])
  })
})
