// Package bpmn reads BPMN 2.0 XML into a model that River can run. It knows
// what a file says, whether River supports it, and nothing of running it:
// expressions stay text, stones are not asked whether they exist. River calls
// it when a model is deployed, and again when a deployed file is needed.
//
// [Parse] refuses what is not supported and lists all it found at once, each
// [Problem] with the line and the id of its element: a model that loads can be
// run as it was drawn. Drawings (DI), lanes, notes, and the data of other vendors are
// skipped; the caller keeps the file, so nothing is lost. A process with
// isExecutable="false" is skipped whole, with whatever it uses.
//
// A model is immutable. It may be used by several goroutines at once, and
// nobody writes to it.
//
// # Extensions
//
// Attributes and elements of Flowable are read in http://flowable.org/bpmn and, as
// old files have them, in http://activiti.org/bpmn, under any prefix. Those that would change what a
// process does and are not supported, such as listeners, are refused; the others are skipped.
//
// Our own are in http://riverstones.io/bpmn. On a serviceTask, userTask or
// receiveTask the attribute stone="Code" hands the work to that stone. These may
// stand beside it:
//
//	namespace    scope of its parameters and outputs; the element's id if left out
//	method       what is asked of the stone; start if left out
//	businessKey  part of the stone's queue, text or ${…}
//	timeout      of one command, as 90s or PT90S
//	retries      how often a failed command is tried again, 0 to 100
//
// Its parameters are fields within extensionElements, in the form of Flowable or in ours:
//
//	<riverstones:field name="region" value="beijing"/>
//	<riverstones:field name="size" expression="${parameters.size}"/>
//	<riverstones:field name="disks"><riverstones:json>[10, "${parameters.size}"]</riverstones:json></riverstones:field>
//	<flowable:field name="region"><flowable:string>beijing</flowable:string></flowable:field>
//
// A value is a string; numbers, objects and functions such as Fn::GetAtt are given as json.
// A value of ours that holds ${…} counts as an expression.
//
// A process carries its parameter template and its output template as JSON in
// its extensionElements. Names may be written as here or in capitals (NoEcho):
//
//	<riverstones:parameters>[
//	  {"name": "size", "type": "integer", "default": 10, "maxValue": 100, "uiGroup": "Disk"},
//	  {"name": "backupSize", "type": "integer", "default": "Ref:size"}
//	]</riverstones:parameters>
//	<riverstones:outputs>[
//	  {"key": "address", "displayName": "Address", "value": "${outputs.server.ip}"}
//	]</riverstones:outputs>
package bpmn
