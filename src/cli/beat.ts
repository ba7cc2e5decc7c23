/** `celeriac beat`: the commands for beat's timetable. */
import type { Command } from 'commander'
import type { CommandRunner } from './command.ts'
import { addTimetableCommands } from './timetable.ts'

/** Add the command to the program. */
export function addBeatCommand(program: Command, run: CommandRunner): void {
  addTimetableCommands(program.command('beat').description("Look after beat's timetable."), run)
}
