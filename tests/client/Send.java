/* Sends to Kafka with the Java client what its standard input says, one step a line, and answers each.
 *
 *   send TOPIC PARTITION KEY VALUE TIMESTAMP [NAME=VALUE ...]   keys, values and header values in base64, "-" is null;
 *                                                              PARTITION and TIMESTAMP may be "-"
 *   flush        answers "PARTITION OFFSET" or "error TEXT" for each message since the last one, then "done"
 *   begin, commit, abort                                       of a transaction; answers "done"
 *
 * Arguments: the producer's properties, name=value. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Send {
    private static byte[] bytes(String text) {
        return text.equals("-") ? null : Base64.getDecoder().decode(text);
    }

    private static ProducerRecord<byte[], byte[]> record(String[] part) {
        Integer partition = part[2].equals("-") ? null : Integer.valueOf(part[2]);
        Long timestamp = part[5].equals("-") ? null : Long.valueOf(part[5]);
        var record = new ProducerRecord<>(part[1], partition, timestamp, bytes(part[3]), bytes(part[4]));
        for (int i = 6; i < part.length; i++) {
            int sign = part[i].indexOf('=');
            record.headers().add(part[i].substring(0, sign), bytes(part[i].substring(sign + 1)));
        }
        return record;
    }

    private static void tell(List<Future<RecordMetadata>> sent) throws InterruptedException {
        for (var each : sent) {
            try {
                RecordMetadata place = each.get();
                System.out.println(place.partition() + " " + place.offset());
            } catch (ExecutionException error) {
                System.out.println("error " + String.valueOf(error.getCause()).replace('\n', ' '));
            }
        }
        sent.clear();
    }

    public static void main(String[] arguments) throws Exception {
        var properties = new Properties();
        for (String each : arguments)
            properties.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var sent = new ArrayList<Future<RecordMetadata>>();
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            if (properties.containsKey("transactional.id"))
                producer.initTransactions();
            for (String line; (line = in.readLine()) != null;) {
                String[] part = line.split(" ");
                switch (part[0]) {
                    case "send" -> sent.add(producer.send(record(part)));
                    case "begin" -> producer.beginTransaction();
                    case "commit" -> producer.commitTransaction();
                    case "abort" -> producer.abortTransaction();
                    case "flush" -> {
                        producer.flush();
                        tell(sent);
                    }
                    default -> throw new IllegalArgumentException(part[0]);
                }
                if (!part[0].equals("send"))
                    System.out.println("done");
                System.out.flush();
            }
        }
    }
}
