// Package rivertest runs scenarios against the process runtime: a text with
// models, commands, and what every command answers and leaves behind. It is for
// the tests of the runtime; nothing else calls it. It has no stones: what needs
// a queue is tested where a whole system is assembled.
//
// A scenario is a file of sections. What stands before the first section says
// what it is about.
//
//	-- p --
//	<startEvent id="s"/> <receiveTask id="a"/> <endEvent id="e"/>
//	s -> a -> e
//	-- script --
//	> start p {"n":1}
//	p [1] running {n=1}
//	  a [2]
//	> trigger a
//	gone
//	p [1] completed at e {n=1}
//
// A section is the elements of a process whose id is the section's name, or
// whole processes; "name @tenant" deploys it for a tenant. A line of names with
// arrows stands for sequence flows; behind the last name may follow a condition
// ${…}, and #id for the id of the flow.
//
// A line of the script that begins with > is a command; the lines behind it
// are its answer and the instances that run, or have ended since, as a tree.
// Numbers in brackets stand for ids, so that one sees which were kept. An
// execution is named by its number, or by its activity; a#2 is the second one
// there. The clock stands at 2030-01-01T00:00:00Z until a command advances it,
// and only then (and by work) timers and continuations run.
package rivertest
