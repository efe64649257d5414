package bpmn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/riverstones/riverstones/gateway/river/bpmn"
)

func TestModels(t *testing.T) {
	t.Parallel()
	for path, data := range files(t, "models/*.[bx][pm]*") {
		if strings.HasSuffix(path, ".golden") {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			d, err := bpmn.Parse(data, bpmn.Options{StoneFor: mapped})
			require.NoError(t, err)
			golden(t, path+".golden", dump(t, d))
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for path, data := range files(t, "refused/*.bpmn") {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			_, err := bpmn.Parse(data, bpmn.Options{})
			var problems bpmn.Problems
			require.ErrorAs(t, err, &problems)
			golden(t, path+".golden", strings.ReplaceAll(problems.Error(), "; line ", "\nline ")+"\n")
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	d, err := bpmn.Parse([]byte(space+`<process id="p">
		<startEvent id="start"/>
		<exclusiveGateway id="one"/>
		<parallelGateway id="all"/>
		<inclusiveGateway id="some" default="other"/>
		<endEvent id="end"/>
		<subProcess id="island" name="Nobody lives here"><startEvent id="in"/></subProcess>
		<sequenceFlow sourceRef="start" targetRef="one"/>
		<sequenceFlow sourceRef="one" targetRef="all"/>
		<sequenceFlow sourceRef="one" targetRef="end"><conditionExpression>${a}</conditionExpression></sequenceFlow>
		<sequenceFlow sourceRef="all" targetRef="some"/>
		<sequenceFlow sourceRef="some" targetRef="end"/>
		<sequenceFlow id="other" sourceRef="some" targetRef="end"><conditionExpression>${a}</conditionExpression></sequenceFlow>
		<sequenceFlow sourceRef="all" targetRef="end"><conditionExpression>${a}</conditionExpression></sequenceFlow>
	</process></definitions>`), bpmn.Options{})
	require.NoError(t, err)
	require.Empty(t, d.Process("p").Node("some").Default.Condition)
	var got []string
	for _, w := range d.Warnings {
		got = append(got, w.String())
	}
	require.Equal(t, []string{
		`line 3: exclusiveGateway "one": the flow on line 9 has no condition: it is always taken, those behind it and the default never`,
		`line 4: parallelGateway "all": the condition on line 14 is ignored: a parallelGateway takes every flow`,
		`line 5: inclusiveGateway "some": the condition of the default flow "other" is ignored`,
		`line 7: subProcess "island" (Nobody lives here): can not be reached`,
		`line 7: startEvent "in": can not be reached`,
	}, got)
}

func TestNotExecutable(t *testing.T) {
	t.Parallel()
	d, err := bpmn.Parse([]byte(space+`<process id="p" isExecutable="false"><scriptTask/></process></definitions>`), bpmn.Options{})
	require.NoError(t, err)
	require.Empty(t, d.Processes)
	require.Nil(t, d.Process("p"))
}

func TestStoneForMustNameAStone(t *testing.T) {
	t.Parallel()
	data := files(t, "refused/task-java.bpmn")["testdata/refused/task-java.bpmn"]
	_, err := bpmn.Parse(data, bpmn.Options{StoneFor: func(j bpmn.Java) (string, bool) { return "no stone", j.Type == "class" }})
	require.ErrorContains(t, err, `serviceTask "a": the stone "no stone" that stands for class "com.example.A": stone code must be`)
	require.ErrorContains(t, err, `serviceTask "b": expression "${bean.run()}" is Java`)
}

// The names of Flowable mean the same in both of its namespaces, under any prefix.
func TestFlowableNamespaces(t *testing.T) {
	t.Parallel()
	file := `<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:x="http://activiti.org/bpmn" xmlns:y="http://flowable.org/bpmn">
		<process id="p"><startEvent id="s"/>
			<userTask id="old" x:assignee="kermit"/><userTask id="new" y:assignee="kermit"/>
			<userTask id="both" x:assignee="gonzo" y:assignee="kermit"/><userTask id="none" assignee="kermit"/>
		</process></definitions>`
	d, err := bpmn.Parse([]byte(file), bpmn.Options{})
	require.NoError(t, err)
	for id, want := range map[string]string{"old": "kermit", "new": "kermit", "both": "kermit", "none": ""} {
		require.Equal(t, want, d.Process("p").Node(id).Detail.(*bpmn.UserTask).Assignee, id)
	}
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	d, err := bpmn.Parse([]byte(space+`<process id="p"><startEvent id="s"/><userTask id="a"/>
		<boundaryEvent id="coded" attachedToRef="a"><errorEventDefinition errorRef="e1"/></boundaryEvent>
		<boundaryEvent id="bare" attachedToRef="a"><errorEventDefinition errorRef="e2"/></boundaryEvent>
		<boundaryEvent id="unknown" attachedToRef="a"><errorEventDefinition errorRef="E3"/></boundaryEvent>
		<boundaryEvent id="any" attachedToRef="a"><errorEventDefinition/></boundaryEvent>
	</process><error id="e1" errorCode="E1"/><error id="e2"/></definitions>`), bpmn.Options{})
	require.NoError(t, err)
	for id, want := range map[string]string{"coded": "E1", "bare": "e2", "unknown": "E3"} {
		require.Equal(t, want, d.Process("p").Node(id).Detail.(*bpmn.BoundaryEvent).Error.Code, id)
	}
	require.Nil(t, d.Process("p").Node("any").Detail.(*bpmn.BoundaryEvent).Error)
}
