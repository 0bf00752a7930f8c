// ReadExtension FOLDER: a configuration extension as mdclasses (1c-syntax) reads it, one fact in a line. A program of its own
// authors, which knows what Designer writes: what it does not find here, Designer would hardly find.
import com.github._1c_syntax.bsl.mdclasses.ConfigurationExtension;
import com.github._1c_syntax.bsl.mdclasses.MDClasses;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

public class ReadExtension {
    public static void main(String[] arguments) throws Exception {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var read = MDClasses.createConfiguration(Path.of(arguments[0]));
        if (!(read instanceof ConfigurationExtension extension)) {
            out.println("not an extension but " + read.getClass().getSimpleName());
            return;
        }
        var mode = extension.getConfigurationExtensionCompatibilityMode();
        out.println("extension " + extension.getName() + " " + extension.getObjectBelonging() + " " + extension.getConfigurationExtensionPurpose()
            + " prefix=" + extension.getNamePrefix() + " script=" + extension.getScriptVariant()
            + " compatibility=8." + mode.getMinor() + "." + mode.getVersion() + " language=" + extension.getDefaultLanguage().getMdoRef());
        for (var language : extension.getLanguages())
            out.println("language " + language.getName() + " " + language.getObjectBelonging() + " " + language.getLanguageCode());
        for (var module : extension.getCommonModules()) {
            long bytes = 0;
            for (var each : module.getModules())
                bytes += Files.size(Path.of(each.getUri()));
            out.println("module " + module.getName() + " " + module.getObjectBelonging() + (module.isServer() ? " server" : "")
                + (module.isServerCall() ? " call" : "") + (module.isClientManagedApplication() ? " client" : "")
                + (module.isClientOrdinaryApplication() ? " thick" : "") + (module.isGlobal() ? " global" : "")
                + (module.isPrivileged() ? " privileged" : "") + (module.isExternalConnection() ? " external" : "")
                + (bytes > 0 ? " text" : " empty"));
        }
        out.println("objects " + extension.getChildren().size());
    }
}
